#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "formats/safetensors_support.h"
#include "wquant/formats.h"
#include "wquant/quantize.h"

namespace wquant::test {

inline bool has_python_module(const std::string& module) {
  return std::system(("/usr/bin/python3 -c 'import " + module + "' 2> /dev/null").c_str()) == 0;
}

/// Runs a Python script of this folder; false when it fails.
inline bool run_python(const std::string& script, const std::filesystem::path& folder) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / script;
  const std::string command = "/usr/bin/python3 '" + path.string() + "' '" + folder.string() + "'";
  return std::system(command.c_str()) == 0;
}

/// Name to dtype and shape, from a list of lines "name dtype extent extent ...".
inline std::map<std::string, TensorInfo> read_tensor_list(const std::filesystem::path& path) {
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

/// Compares a model with FOLDER/list.txt and the elements in FOLDER/raw/NAME.raw, NAME with '_' for
/// each '/' and ':'.
inline void expect_listed(const ModelReader& model, const std::filesystem::path& folder) {
  const auto list = read_tensor_list(folder / "list.txt");
  ASSERT_EQ(model.tensors().size(), list.size()) << model.path();
  for (std::size_t i = 0; i < list.size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    ASSERT_TRUE(list.contains(info.name)) << info.name;
    EXPECT_EQ(info.shape, list.at(info.name).shape) << info.name;
    EXPECT_EQ(info.dtype, list.at(info.name).dtype) << info.name;
    std::string file = info.name + ".raw";
    for (char& c : file) c = c == '/' || c == ':' ? '_' : c;
    const std::string raw = read_file(folder / "raw" / file);
    EXPECT_TRUE(read_tensor(model, i) == raw) << info.name;
    const auto view = model.view(i);
    if (view.empty()) continue;
    EXPECT_TRUE(std::string(reinterpret_cast<const char*>(view.data()), view.size()) == raw);
  }
}

}  // namespace wquant::test
