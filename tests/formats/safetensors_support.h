#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wquant/error.h"
#include "wquant/model.h"

namespace wquant::test {

/// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "wquant-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }
  /// Names of everything in it, to see that nothing was left behind.
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Names of the files of a folder, sorted.
inline std::vector<std::string> listed(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A safetensors file from its pieces, right or wrong.
inline std::string safetensors_bytes(std::string_view json, std::string_view data = {}) {
  const std::uint64_t length = json.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(json).append(data);
}

/// A model in memory without views.
class MemoryModel : public ModelReader {
 public:
  void add(std::string name, std::vector<std::uint64_t> shape, Dtype dtype) {
    tensors_.push_back({std::move(name), std::move(shape), dtype});
    const TensorInfo& info = tensors_.back();
    std::string bytes(info.bytes(), '\0');
    // The same bytes for the same tensor wherever it stands.
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>((i * 37 + info.name.size() * 11 + size_of(dtype)) % 251);
    }
    data_.push_back(std::move(bytes));
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "memory"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    if (!out.empty()) std::memcpy(out.data(), data_[index].data() + first, out.size());
  }
  [[nodiscard]] const std::string& data(std::size_t index) const { return data_[index]; }

 private:
  std::string path_ = "memory";
  std::vector<TensorInfo> tensors_;
  std::vector<std::string> data_;
};

inline std::string read_tensor(const ModelReader& model, std::size_t index) {
  std::string bytes(model.tensors()[index].bytes(), '\0');
  model.read(index, 0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

/// Runs `action`, which must throw Error; returns its message.
template <typename F>
std::string error_of(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

}  // namespace wquant::test
