#include "formats/strided.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "wquant/error.h"
#include "wquant/model.h"

namespace wquant {
namespace {

/// Walks over the elements in C order, without a division for each.
class Odometer {
 public:
  Odometer(const StridedLayout& layout, std::uint64_t element)
      : layout_(layout), at_(layout.shape.size()) {
    for (std::size_t axis = at_.size(); axis-- > 0;) {
      at_[axis] = element % layout.shape[axis];
      element /= layout.shape[axis];
      offset_ += at_[axis] * layout.strides[axis];
    }
  }

  /// Of the element, in elements.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  void next() {
    for (std::size_t axis = at_.size(); axis-- > 0;) {
      offset_ += layout_.strides[axis];
      if (++at_[axis] < layout_.shape[axis]) return;
      offset_ -= at_[axis] * layout_.strides[axis];
      at_[axis] = 0;
    }
  }

 private:
  const StridedLayout& layout_;
  std::vector<std::uint64_t> at_;
  std::uint64_t offset_ = 0;
};

bool is_empty(const StridedLayout& layout) {
  return std::find(layout.shape.begin(), layout.shape.end(), 0U) != layout.shape.end();
}

}  // namespace

bool StridedLayout::is_contiguous() const {
  if (is_empty(*this)) return true;
  std::uint64_t expected = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 1) continue;
    if (strides[axis] != expected) return false;
    expected *= shape[axis];
  }
  return true;
}

std::uint64_t StridedLayout::span(std::uint64_t limit) const {
  if (is_empty(*this)) return 0;
  const auto fail = [&] {
    return Error(fmt::format("shape {} with strides {} does not fit the {} elements it has",
                             shape_text(shape), shape_text(strides), limit));
  };
  if (limit == 0) throw fail();
  std::uint64_t last = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::uint64_t steps = shape[axis] - 1;
    if (steps != 0 && strides[axis] > (limit - 1 - last) / steps) throw fail();
    last += steps * strides[axis];
  }
  return last + 1;
}

void read_strided(const StridedLayout& layout, std::span<const std::byte> data, std::uint64_t first,
                  std::span<std::byte> out) {
  if (out.empty()) return;
  Odometer at(layout, first / layout.element);
  std::uint64_t skip = first % layout.element;
  while (!out.empty()) {
    const std::size_t size = std::min<std::size_t>(layout.element - skip, out.size());
    std::memcpy(out.data(), data.data() + at.offset() * layout.element + skip, size);
    out = out.subspan(size);
    skip = 0;
    at.next();
  }
}

}  // namespace wquant
