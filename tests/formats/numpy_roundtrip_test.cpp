#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "formats/numpy_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using test::Folder;

/// Tests that run a Python script of this folder on a fresh folder.
class NumPy : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("/usr/bin/python3 -c 'import numpy' 2> /dev/null") != 0) {
      GTEST_SKIP() << "python3 with numpy is not installed";
    }
  }

  [[nodiscard]] bool run(const std::string& script) const {
    const auto path = std::filesystem::path(__FILE__).parent_path() / script;
    const std::string command =
        "/usr/bin/python3 '" + path.string() + "' '" + (folder_ / "").string() + "'";
    return std::system(command.c_str()) == 0;
  }

  Folder folder_;
};

/// Name to dtype and shape, from the script's list.
std::map<std::string, TensorInfo> read_list(const std::filesystem::path& path) {
  std::map<std::string, TensorInfo> list;
  std::istringstream lines(test::read_file(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    TensorInfo info;
    std::string dtype;
    words >> info.name >> dtype;
    info.dtype = dtype_from_name(dtype).value();
    for (std::uint64_t extent = 0; words >> extent;) info.shape.push_back(extent);
    list[info.name] = info;
  }
  return list;
}

TEST_F(NumPy, EveryArrayOfNumPyIsReadExactly) {
  ASSERT_TRUE(run("make_numpy_files.py"));
  const auto list = read_list(folder_ / "list.txt");
  ASSERT_EQ(list.size(), 13U * 10U * 4U);
  for (const std::string file : {"folder", "savez.npz", "compressed.npz", "zip64.npz", "small.npz",
                                 "piped.npz", "piped_stored.npz"}) {
    const auto model = open_model(folder_ / file);
    EXPECT_EQ(model->tensors().size(), list.size()) << file;
    for (std::size_t i = 0; i < model->tensors().size(); ++i) {
      const TensorInfo& info = model->tensors()[i];
      const TensorInfo& expected = list.at(info.name);
      EXPECT_EQ(info.shape, expected.shape) << file << " " << info.name;
      EXPECT_EQ(info.dtype, expected.dtype) << file << " " << info.name;
      const std::string raw = test::read_file(folder_ / ("raw/" + info.name + ".raw"));
      EXPECT_TRUE(test::read_tensor(*model, i) == raw) << file << " " << info.name;
      const auto view = model->view(i);
      if (view.empty()) continue;
      EXPECT_TRUE(std::string(reinterpret_cast<const char*>(view.data()), view.size()) == raw);
    }
  }
  EXPECT_TRUE(open_model(folder_ / "empty.npz")->tensors().empty());
}

TEST_F(NumPy, LoadsWhatIsWritten) {
  test::MemoryModel model;
  std::string listing;
  for (int type = 0; type <= static_cast<int>(Dtype::kC64); ++type) {
    const auto dtype = static_cast<Dtype>(type);
    if (dtype == Dtype::kBF16 || dtype == Dtype::kF8E4M3 || dtype == Dtype::kF8E5M2) continue;
    for (const std::vector<std::uint64_t>& shape :
         std::vector<std::vector<std::uint64_t>>{{}, {0}, {3}, {2, 0}, {2, 3, 4}, {700, 800}}) {
      const std::size_t number = model.tensors().size();
      const std::string name = "f/" + std::to_string(number) + "\xC3\xA4." + shape_text(shape)[1];
      model.add(name, shape, dtype);
      listing += name_of(dtype);
      for (const std::uint64_t extent : shape) listing += " " + std::to_string(extent);
      listing += " " + name + "\n";
      test::write_file(folder_ / (std::to_string(number) + ".raw"), model.data(number));
    }
  }
  test::write_file(folder_ / "list.txt", listing);
  write_model(model, folder_ / "m.npz", "", Overwrite::kRefuse);
  write_model(model, folder_ / "m", "npy-folder", Overwrite::kRefuse);
  EXPECT_TRUE(run("check_numpy_files.py"));
}

}  // namespace
}  // namespace wquant
