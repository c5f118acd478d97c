#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wquant/model.h"

namespace wquant::fuzz {

/// A model in memory. Every other tensor has a view.
class FuzzModel : public ModelReader {
 public:
  FuzzModel() = default;
  /// `elements` are the tensor's, in its dtype.
  void add(TensorInfo info, std::vector<std::byte> elements) {
    tensors_.push_back(std::move(info));
    elements_.push_back(std::move(elements));
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "fuzz"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    if (!out.empty()) std::memcpy(out.data(), elements_[index].data() + first, out.size());
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return index % 2 == 0 ? std::span<const std::byte>(elements_[index])
                          : std::span<const std::byte>();
  }

 private:
  std::string path_ = "fuzz";
  std::vector<TensorInfo> tensors_;
  std::vector<std::vector<std::byte>> elements_;
};

}  // namespace wquant::fuzz
