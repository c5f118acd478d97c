#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "formats/safetensors_support.h"

namespace wquant::test {

/// Tests that run Python scripts of this folder on a fresh folder; skipped where a module that
/// they need is missing.
class PythonTest : public testing::Test {
 protected:
  explicit PythonTest(std::string module) : module_(std::move(module)) {}

  void SetUp() override {
    const std::string command = "/usr/bin/python3 -c 'import " + module_ + "' 2> /dev/null";
    if (std::system(command.c_str()) != 0) {
      GTEST_SKIP() << "python3 with " << module_ << " is not installed";
    }
  }

  [[nodiscard]] bool run(const std::string& script) const {
    const auto path = std::filesystem::path(__FILE__).parent_path() / script;
    const std::string command =
        "/usr/bin/python3 '" + path.string() + "' '" + (folder_ / "").string() + "'";
    return std::system(command.c_str()) == 0;
  }

  Folder folder_;

 private:
  std::string module_;
};

/// Name to dtype and shape, from a list that a script made: lines "name dtype extent extent ...".
inline std::map<std::string, TensorInfo> read_list(const std::filesystem::path& path) {
  std::map<std::string, TensorInfo> list;
  std::istringstream lines(read_file(path));
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

/// The model has the tensors of the list, and their elements are those of raw/NAME.raw.
inline void expect_model(const ModelReader& model, const std::filesystem::path& folder) {
  const auto list = read_list(folder / "list.txt");
  EXPECT_EQ(model.tensors().size(), list.size());
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    SCOPED_TRACE(model.path() + " " + info.name);
    ASSERT_TRUE(list.contains(info.name));
    const TensorInfo& expected = list.at(info.name);
    EXPECT_EQ(info.shape, expected.shape);
    EXPECT_EQ(info.dtype, expected.dtype);
    const std::string raw = read_file(folder / ("raw/" + info.name + ".raw"));
    EXPECT_TRUE(read_tensor(model, i) == raw);
    const auto view = model.view(i);
    if (view.empty()) continue;
    EXPECT_TRUE(std::string(reinterpret_cast<const char*>(view.data()), view.size()) == raw);
  }
}

}  // namespace wquant::test
