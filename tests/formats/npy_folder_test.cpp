#include "formats/npy_folder.h"

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <vector>

#include "formats/numpy_support.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

using test::error_of;
using test::Folder;
using test::npy_ramp;
using testing::HasSubstr;

void put(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  test::write_file(path, bytes);
}

std::vector<std::string> names(const ModelReader& model) {
  std::vector<std::string> list;
  for (const TensorInfo& info : model.tensors()) list.push_back(info.name);
  return list;
}

test::MemoryModel& fill(test::MemoryModel& model, const std::vector<std::string>& tensors) {
  for (const std::string& name : tensors) model.add(name, {2, 3}, Dtype::kF32);
  return model;
}

std::string write_error(const fs::path& path, const std::vector<std::string>& tensors,
                        Overwrite overwrite = Overwrite::kRefuse) {
  test::MemoryModel model;
  return error_of([&] { write_npy_folder(fill(model, tensors), path, overwrite, {}); });
}

TEST(NpyFolder, NamesArePathsSortedBytewise) {
  const Folder folder;
  for (const char* file : {"b.npy", "a/z.npy", "a.npy", "a/B/c.npy", "a.npy.d/e.npy"}) {
    put(folder / "m" / file, npy_ramp(3));
  }
  put(folder / "m" / "README.txt", "not an array");
  put(folder / "m" / "a" / "x.npz", "not an array");
  put(folder / "m" / ".npy", "no name");
  for (const char* path : {"m", "m/", "m/."}) {
    const auto model = open_npy_folder(folder / path);
    EXPECT_EQ(names(*model), (std::vector<std::string>{"a", "a.npy.d/e", "a/B/c", "a/z", "b"}));
    EXPECT_EQ(test::read_tensor(*model, 4).size(), 3U);
    EXPECT_EQ(model->view(4).size(), 3U);
  }
}

TEST(NpyFolder, RefusesFoldersWithoutArrays) {
  const Folder folder;
  EXPECT_THAT(error_of([&] { open_npy_folder(folder / ""); }), HasSubstr("holds no .npy file"));
  put(folder / "a.txt", "x");
  EXPECT_THAT(error_of([&] { open_npy_folder(folder / ""); }), HasSubstr("holds no .npy file"));
}

TEST(NpyFolder, NamesTheDamagedFile) {
  const Folder folder;
  put(folder / "m/a.npy", npy_ramp(3));
  put(folder / "m/b/c.npy", npy_ramp(3) + "x");
  EXPECT_THAT(error_of([&] { open_npy_folder(folder / "m"); }),
              HasSubstr("m: b/c: holds 4 bytes of data where [3] of U8 take 3"));
}

TEST(NpyFolder, LinksStayInTheFolder) {
  const Folder folder;
  put(folder / "m/blobs/a.npy", npy_ramp(3));
  put(folder / "outside.npy", npy_ramp(4));
  fs::create_symlink("blobs/a.npy", folder / "m/b.npy");
  EXPECT_EQ(names(*open_npy_folder(folder / "m")), (std::vector<std::string>{"b", "blobs/a"}));
  fs::create_symlink("../outside.npy", folder / "m/c.npy");
  EXPECT_THAT(error_of([&] { open_npy_folder(folder / "m"); }),
              HasSubstr("c: is a symbolic link out of the folder"));
  fs::remove(folder / "m/c.npy");
  fs::create_directory_symlink("blobs", folder / "m/d");
  EXPECT_THAT(error_of([&] { open_npy_folder(folder / "m"); }),
              HasSubstr("holds a symbolic link to a folder, d"));
  fs::remove(folder / "m/d");
  fs::create_symlink("nowhere", folder / "m/e.npy");
  EXPECT_THAT(error_of([&] { open_npy_folder(folder / "m"); }), HasSubstr("cannot read"));
}

TEST(NpyFolder, WritesWhatItReads) {
  const Folder folder;
  test::MemoryModel model;
  fill(model, {"a", "b/c", "b/..d"});
  model.add("scalar", {}, Dtype::kF64);
  model.add("none", {4, 0}, Dtype::kI8);
  write_npy_folder(model, folder / "m/", Overwrite::kRefuse, {});
  const auto back = open_npy_folder(folder / "m");
  EXPECT_EQ(names(*back), (std::vector<std::string>{"a", "b/..d", "b/c", "none", "scalar"}));
  EXPECT_EQ(test::read_tensor(*back, 1), model.data(2));
  EXPECT_EQ(test::read_tensor(*back, 4), model.data(3));
  EXPECT_EQ(folder.files(), 1U);
}

TEST(NpyFolder, NeverWritesOutside) {
  const Folder folder;
  for (const std::string name :
       {"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", "./a", "a/.", "."}) {
    EXPECT_THAT(write_error(folder / "m", {"good", name}),
                HasSubstr("its name cannot be that of a file"))
        << name;
  }
  const std::string zero("a\0b", 3);
  EXPECT_THAT(write_error(folder / "m", {zero}), HasSubstr("its name cannot"));
  EXPECT_THAT(write_error(folder / "m", {std::string(252, 'x')}), HasSubstr("its name cannot"));
  EXPECT_THAT(write_error(folder / "m", {std::string(256, 'x') + "/a"}),
              HasSubstr("its name cannot"));
  EXPECT_EQ(folder.files(), 0U);
  EXPECT_EQ(write_error(folder / "m", {std::string(251, 'x'), "...", "a/..."}), "(no error)");
}

TEST(NpyFolder, RefusesModelsThatDoNotFit) {
  const Folder folder;
  EXPECT_THAT(write_error(folder / "m", {}), HasSubstr("no tensors"));
  EXPECT_NE(write_error(folder / "m", {"a", "a.npy/b"}), "(no error)");
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kBF16);
  EXPECT_THAT(error_of([&] { write_npy_folder(model, folder / "m", Overwrite::kRefuse, {}); }),
              HasSubstr("w: NumPy has no dtype for BF16"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(NpyFolder, ReplacesOnlyFoldersOfArrays) {
  const Folder folder;
  ASSERT_EQ(write_error(folder / "m", {"old", "b/old"}), "(no error)");
  EXPECT_THAT(write_error(folder / "m", {"new"}), HasSubstr("exists and is not empty"));
  EXPECT_EQ(write_error(folder / "m", {"new", "b/new"}, Overwrite::kReplace), "(no error)");
  EXPECT_EQ(names(*open_npy_folder(folder / "m")), (std::vector<std::string>{"b/new", "new"}));
  for (const char* other : {"m/notes.txt", "m/b/.hidden", "m/.npy"}) {
    put(folder / other, "mine");
    EXPECT_THAT(write_error(folder / "m", {"newer"}, Overwrite::kReplace),
                HasSubstr("which is no .npy file, and is not replaced"));
    EXPECT_EQ(test::read_file(folder / other), "mine");
    fs::remove(folder / other);
  }
  fs::create_symlink("new.npy", folder / "m/link.npy");
  EXPECT_THAT(write_error(folder / "m", {"newer"}, Overwrite::kReplace), HasSubstr("link.npy"));
  EXPECT_EQ(folder.files(), 1U);
}

TEST(NpyFolder, TakesAnEmptyFolderAndFollowsALinkToIt) {
  const Folder folder;
  fs::create_directory(folder / "m");
  fs::create_directory_symlink("m", folder / "link");
  EXPECT_EQ(write_error(folder / "link", {"a"}), "(no error)");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(fs::exists(folder / "m/a.npy"));
  put(folder / "file", "x");
  EXPECT_THAT(write_error(folder / "file", {"a"}, Overwrite::kReplace),
              HasSubstr("exists and is not a folder"));
  EXPECT_EQ(folder.files(), 3U);
}

TEST(NpyFolder, AModelMayReplaceItsOwnFolder) {
  const Folder folder;
  ASSERT_EQ(write_error(folder / "m", {"a", "b/c"}), "(no error)");
  const auto model = open_npy_folder(folder / "m");
  const std::string before = test::read_tensor(*model, 1);
  write_npy_folder(*model, folder / "m", Overwrite::kReplace, {});
  EXPECT_EQ(test::read_tensor(*open_npy_folder(folder / "m"), 1), before);
  EXPECT_EQ(folder.files(), 1U);
}

TEST(NpyFolder, StoppedWriteLeavesTheOldFolder) {
  const Folder folder;
  ASSERT_EQ(write_error(folder / "m", {"old"}), "(no error)");
  const std::atomic<bool> stop = true;
  RunOptions options;
  options.stop = &stop;
  test::MemoryModel model;
  EXPECT_THAT(error_of([&] {
                write_npy_folder(fill(model, {"a"}), folder / "m", Overwrite::kReplace, options);
              }),
              HasSubstr("interrupted"));
  EXPECT_EQ(names(*open_npy_folder(folder / "m")), std::vector<std::string>{"old"});
  EXPECT_EQ(folder.files(), 1U);
}

}  // namespace
}  // namespace wquant
