#include "quant/pruned_view.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace wquant {
namespace {

/// Clears those of 64 elements whose bit is set.
template <std::size_t kSize>
void clear_whole(std::uint64_t word, std::byte* elements) {
  for (; word != 0; word &= word - 1) {
    std::memset(elements + static_cast<std::size_t>(std::countr_zero(word)) * kSize, 0, kSize);
  }
}

void clear_whole(std::uint64_t word, std::uint64_t size, std::byte* elements) {
  if (size == 2) return clear_whole<2>(word, elements);
  if (size == 4) return clear_whole<4>(word, elements);
  clear_whole<8>(word, elements);
}

/// The same where only bytes [first, first + bytes.size()) of the tensor are at hand.
void clear_part(std::uint64_t word, std::uint64_t size, std::uint64_t element, std::uint64_t first,
                std::span<std::byte> bytes) {
  for (; word != 0; word &= word - 1) {
    const std::uint64_t at = (element + static_cast<std::uint64_t>(std::countr_zero(word))) * size;
    const std::uint64_t from = std::max(first, at);
    const std::uint64_t to = std::min(first + bytes.size(), at + size);
    if (from < to) std::memset(bytes.data() + (from - first), 0, to - from);
  }
}

/// Clears the elements of `size` bytes whose bit is set in the bytes from `first` on.
void clear_removed(std::span<const std::uint64_t> words, std::uint64_t size, std::uint64_t first,
                   std::span<std::byte> bytes) {
  if (words.empty() || bytes.empty()) return;
  const std::uint64_t end = first + bytes.size();
  for (std::uint64_t at = first / size / 64; at <= (end - 1) / size / 64; ++at) {
    const std::uint64_t begin = at * 64 * size;
    if (begin >= first && begin + 64 * size <= end) {
      clear_whole(words[at], size, bytes.data() + (begin - first));
    } else {
      clear_part(words[at], size, at * 64, first, bytes);
    }
  }
}

class PrunedView : public ModelReader {
 public:
  PrunedView(const ModelReader& model, std::shared_ptr<const MaskBits> bits)
      : model_(model), bits_(std::move(bits)) {}

  [[nodiscard]] const std::string& path() const override { return model_.path(); }
  [[nodiscard]] std::string_view format() const override { return model_.format(); }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return model_.tensors(); }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    model_.read(index, first, out);
    clear_removed(bits_->words(index), size_of(tensors()[index].dtype), first, out);
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return bits_->words(index).empty() ? model_.view(index) : std::span<const std::byte>();
  }
  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    model_.release(index, first, size);
  }
  [[nodiscard]] std::size_t same_as(std::size_t index) const override {
    return model_.same_as(index);
  }
  [[nodiscard]] std::string_view file_of(std::size_t index) const override {
    return model_.file_of(index);
  }
  [[nodiscard]] std::optional<OutputAxis> output_axis(std::size_t index) const override {
    return model_.output_axis(index);
  }
  [[nodiscard]] bool is_weight(std::size_t index) const override { return model_.is_weight(index); }

 private:
  const ModelReader& model_;
  const std::shared_ptr<const MaskBits> bits_;
};

class MaskView : public ModelReader {
 public:
  MaskView(const Plan& plan, std::shared_ptr<const MaskBits> bits, std::string path)
      : path_(std::move(path)), bits_(std::move(bits)) {
    std::vector<std::size_t> numbers(plan.tensors.size());
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const PlannedTensor& planned = plan.tensors[i];
      if (!planned.quantized) continue;
      numbers[i] = tensors_.size();
      same_as_.push_back(numbers[planned.same_as.value_or(i)]);
      planned_.push_back(i);
      tensors_.push_back({planned.info.name, planned.info.shape, Dtype::kU8});
    }
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "mask"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    const std::span<const std::uint64_t> words = bits_->words(planned_[index]);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t at = first + i;
      out[i] = static_cast<std::byte>(~(words[at / 64] >> (at % 64)) & 1);
    }
  }
  [[nodiscard]] std::size_t same_as(std::size_t index) const override { return same_as_[index]; }

 private:
  const std::string path_;
  const std::shared_ptr<const MaskBits> bits_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::size_t> planned_, same_as_;  // By tensor.
};

}  // namespace

std::unique_ptr<ModelReader> pruned_view(const ModelReader& model,
                                         std::shared_ptr<const MaskBits> bits) {
  return std::make_unique<PrunedView>(model, std::move(bits));
}

std::unique_ptr<ModelReader> mask_view(const Plan& plan, std::shared_ptr<const MaskBits> bits,
                                       std::string path) {
  return std::make_unique<MaskView>(plan, std::move(bits), std::move(path));
}

}  // namespace wquant
