#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "wquant/model.h"

namespace wquant {

/// A model whose tensors lie in memory.
class MemoryModel : public ModelReader {
 public:
  MemoryModel() = default;

  /// Copies the bytes, which must be as many as info.bytes().
  void add(TensorInfo info, std::span<const std::byte> bytes) {
    tensors_.push_back(std::move(info));
    bytes_.emplace_back(bytes.begin(), bytes.end());
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "memory"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    std::ranges::copy(view(index).subspan(first, out.size()), out.begin());
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return bytes_[index];
  }

 private:
  std::string path_ = "memory";
  std::vector<TensorInfo> tensors_;
  std::vector<std::vector<std::byte>> bytes_;
};

}  // namespace wquant
