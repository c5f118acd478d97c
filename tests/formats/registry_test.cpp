#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/output_file.h"
#include "formats/format.h"
#include "formats/hdf5.h"
#include "formats/numpy_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

using test::error_of;
using test::Folder;
using test::npy_ramp;
using test::zip_bytes;
using testing::AllOf;
using testing::HasSubstr;

std::string open_error(const fs::path& path) {
  return error_of([&] { open_model(path); });
}

TEST(Registry, NamesAreUniqueAndEveryFormatReads) {
  std::set<std::string_view> names;
  for (const FormatInfo& format : formats()) {
    EXPECT_TRUE(names.insert(format.name).second) << format.name;
    EXPECT_TRUE(format.reads || !has_hdf5()) << format.name;
    EXPECT_FALSE(format.help.empty()) << format.name;
  }
  EXPECT_EQ(names.size(), format_table().size());
}

TEST(Registry, ContentDecidesBeforeTheName) {
  const Folder folder;
  const auto format_of = [&](std::string_view name, std::string_view bytes) {
    test::write_file(folder / name, bytes);
    return open_model(folder / name)->format();
  };
  EXPECT_EQ(format_of("a.json", npy_ramp(3)), "npy");
  EXPECT_EQ(format_of("a.npy", zip_bytes({{"w.npy", npy_ramp(3)}})), "npz");
  EXPECT_EQ(format_of("a.npz", "\xEF\xBB\xBF \n{ \"w\": [1]}"), "json");
  EXPECT_EQ(format_of("a", "{}"), "json");
  EXPECT_EQ(format_of("b", test::safetensors_bytes("{}")), "safetensors");
  // In a folder only arrays count, and a.npy is none.
  EXPECT_THAT(open_error(folder / ""), HasSubstr("a: does not begin like a .npy file"));
}

TEST(Registry, DamagedFileGetsTheMessageOfItsExtension) {
  const Folder folder;
  const auto error_for = [&](std::string_view name, std::string_view bytes) {
    test::write_file(folder / name, bytes);
    return open_error(folder / name);
  };
  EXPECT_THAT(error_for("a.npz", ""), HasSubstr("a.npz: is no zip archive"));
  EXPECT_THAT(error_for("a.NPY", "NUMPY"), HasSubstr("a.NPY: does not begin like a .npy file"));
  EXPECT_THAT(error_for("a.json", "[1]"), HasSubstr("a.json: is a list where"));
  EXPECT_THAT(error_for("a.safetensors", ""), HasSubstr("safetensors file"));
}

TEST(Registry, UnknownInputListsWhatCanBeRead) {
  const Folder folder;
  EXPECT_THAT(open_error(folder / "missing.npz"), HasSubstr("missing.npz: no such file"));
  EXPECT_THAT(open_error(folder / "missing/a"), HasSubstr("no such file"));
  EXPECT_THAT(open_error(""), HasSubstr("no such file"));
  EXPECT_THAT(open_error("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(open_error(folder / ""), HasSubstr("holds no .npy file"));
  test::write_file(folder / "a.txt", "hello");
  EXPECT_THAT(open_error(folder / "a.txt"),
              AllOf(HasSubstr("a.txt: its format is unknown"), HasSubstr("npz, gguf, npy")));
  EXPECT_THAT(open_error(folder / "a.txt/b"), HasSubstr("a.txt/b: "));
}

TEST(Registry, WritesByExtensionOrByName) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kI32);
  const auto written = [&](std::string_view name, std::string_view format = {}) {
    write_model(model, folder / name, format, Overwrite::kRefuse);
    const auto back = open_model(folder / name);
    EXPECT_EQ(test::read_tensor(*back, 0), model.data(0));
    return back->format();
  };
  EXPECT_EQ(written("a.npz"), "npz");
  EXPECT_EQ(written("a.NPY"), "npy");
  EXPECT_EQ(written("a.json"), "json");
  EXPECT_EQ(written("a.safetensors"), "safetensors");
  EXPECT_EQ(written("a/"), "npy-folder");
  EXPECT_EQ(written("b.npz", "json"), "json");
  EXPECT_EQ(written("c", "npy-folder"), "npy-folder");
  fs::create_directory(folder / "d.npz");
  EXPECT_EQ(written("d.npz"), "npy-folder");
}

TEST(Registry, RefusesUnknownOutputsAsUsage) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kF32);
  const auto refused = [&](std::string_view name, std::string_view format = {}) -> std::string {
    try {
      write_model(model, folder / name, format, Overwrite::kReplace);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      return error.what();
    }
    return "(no error)";
  };
  EXPECT_THAT(refused("a"), HasSubstr("a name without extension"));
  EXPECT_THAT(refused("a.npx"), AllOf(HasSubstr("extension .npx"), HasSubstr("valid: ")));
  EXPECT_THAT(refused("a.npz", "safetensor"), HasSubstr("did you mean safetensors?"));
  EXPECT_THAT(refused("a.npz", "wquant"), HasSubstr("format wquant can only be read"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Registry, NameThatIsTooLongIsAnErrorOfTheFile) {
  const Folder folder;
  const std::string name = std::string(300, 'a') + ".npz";
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kF32);
  EXPECT_THAT(open_error(folder / name), HasSubstr("cannot open it: File name too long"));
  EXPECT_THAT(error_of([&] { write_model(model, folder / name, "", Overwrite::kRefuse); }),
              HasSubstr(name + ": "));
  EXPECT_FALSE(is_quantized_file(folder / name));
}

TEST(Registry, RangeOutsideOfATensorIsRefusedByEveryFormat) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {3}, Dtype::kF32);
  for (const char* name : {"a.npz", "a.npy", "a.json", "a.safetensors", "a.pt", "a/"}) {
    write_model(model, folder / name, "", Overwrite::kRefuse);
    const auto back = open_model(folder / name);
    std::vector<std::byte> out(8);
    for (const std::uint64_t first : {5U, 12U, 1000U}) {
      EXPECT_THAT(error_of([&] { back->read(0, first, out); }),
                  AllOf(HasSubstr(back->tensors()[0].name + ": "), HasSubstr("range")))
          << name;
    }
  }
}

TEST(Registry, NumbersThatAreNoFloatsAreNotReadAsFloats) {
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kI32);
  std::vector<float> out(2);
  EXPECT_THAT(error_of([&] { model.read_floats(0, 0, out); }),
              HasSubstr("dtype I32 is no floating-point type"));
}

TEST(Registry, FileIsNotWrittenInPlaceOfAFolder) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kI32);
  fs::create_directory(folder / "a");
  EXPECT_THAT(error_of([&] { write_model(model, folder / "a", "npz", Overwrite::kReplace); }),
              HasSubstr("a: is a folder"));
}

TEST(Registry, OutputThatAppearsMeanwhileStays) {
  const Folder folder;
  OutputFile file(folder / "a", Overwrite::kRefuse);
  file.append("new");
  test::write_file(folder / "a", "mine");
  EXPECT_THAT(error_of([&] { file.commit(); }), HasSubstr("a: exists: give --force"));
  EXPECT_EQ(test::read_file(folder / "a"), "mine");
}

TEST(Registry, ExistingOutputStaysUnlessReplaced) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {2}, Dtype::kI32);
  for (const char* name : {"a.npz", "a.npy", "a.json", "a.safetensors"}) {
    test::write_file(folder / name, "mine");
    EXPECT_THAT(error_of([&] { write_model(model, folder / name, "", Overwrite::kRefuse); }),
                HasSubstr(std::string(name) + ": exists"));
    EXPECT_EQ(test::read_file(folder / name), "mine");
    write_model(model, folder / name, "", Overwrite::kReplace);
    EXPECT_EQ(test::read_tensor(*open_model(folder / name), 0), model.data(0));
  }
  EXPECT_EQ(folder.files(), 4U);
}

}  // namespace
}  // namespace wquant
