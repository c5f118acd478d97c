#include "formats/npy_array.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "wquant/error.h"

namespace wquant {
namespace {

/// Output of a block of rows that is gathered at once: it should stay in the second-level cache.
constexpr std::uint64_t kBlockBytes = std::uint64_t{512} << 10;

/// Copies ranges of an array in Fortran order out in C order. Axes of extent 1 are left out; there
/// are at least two others.
///
/// A range is cut, axis by axis from the outermost, into a partial row, whole rows and a partial
/// row. In whole rows the outermost axis is innermost in the file, so each step copies one run that
/// is contiguous there; the other axes advance like an odometer, without a division.
template <std::size_t kSize>
class FortranGather {
 public:
  FortranGather(std::span<const std::uint64_t> shape, const std::byte* data) : data_(data) {
    for (const std::uint64_t extent : shape) {
      if (extent != 1) shape_.push_back(extent);
    }
    in_stride_.assign(shape_.size(), 1);
    out_stride_.assign(shape_.size(), 1);
    for (std::size_t i = 1; i < shape_.size(); ++i) {
      in_stride_[i] = in_stride_[i - 1] * shape_[i - 1];
    }
    for (std::size_t i = shape_.size() - 1; i > 0; --i) {
      out_stride_[i - 1] = out_stride_[i] * shape_[i];
    }
  }

  /// Elements [first, end) in C order to `out`.
  void copy(std::uint64_t first, std::uint64_t end, std::byte* out) const {
    copy_axis(0, data_, first, end, out);
  }

 private:
  /// The same for the sub-array of the axes from `axis` on that begins at `in`.
  void copy_axis(std::size_t axis, const std::byte* in, std::uint64_t first, std::uint64_t end,
                 std::byte* out) const {
    if (first == end) return;
    const std::uint64_t row = out_stride_[axis];
    const std::uint64_t step = in_stride_[axis] * kSize;
    if (row == 1) return copy_strided(in + first * step, step, end - first, out);
    std::uint64_t index = first / row;
    if (first % row != 0) {
      const std::uint64_t stop = std::min(end, (index + 1) * row);
      copy_axis(axis + 1, in + index * step, first - index * row, stop - index * row, out);
      out += (stop - first) * kSize;
      first = stop;
      ++index;
    }
    const std::uint64_t rows = (end - first) / row;
    copy_rows(axis, in + index * step, rows, out);
    first += rows * row;
    out += rows * row * kSize;
    copy_axis(axis + 1, in + (index + rows) * step, 0, end - first, out);
  }

  void copy_rows(std::size_t axis, const std::byte* in, std::uint64_t rows, std::byte* out) const {
    const std::uint64_t row_bytes = out_stride_[axis] * kSize;
    const std::uint64_t block = std::max<std::uint64_t>(16, kBlockBytes / row_bytes);
    for (std::uint64_t done = 0; done < rows; done += block) {
      copy_block(axis, in + done * in_stride_[axis] * kSize, std::min(block, rows - done),
                 out + done * row_bytes);
    }
  }

  void copy_block(std::size_t axis, const std::byte* in, std::uint64_t rows, std::byte* out) const {
    const std::uint64_t in_step = in_stride_[axis] * kSize;
    const std::uint64_t out_step = out_stride_[axis] * kSize;
    std::array<std::uint64_t, 64> at = {};  // The header allows no more dimensions.
    for (;;) {
      for (std::uint64_t i = 0; i < rows; ++i) {
        std::memcpy(out + i * out_step, in + i * in_step, kSize);
      }
      std::size_t k = axis + 1;
      for (; k < shape_.size(); ++k) {
        in += in_stride_[k] * kSize;
        out += out_stride_[k] * kSize;
        if (++at[k] < shape_[k]) break;
        in -= shape_[k] * in_stride_[k] * kSize;
        out -= shape_[k] * out_stride_[k] * kSize;
        at[k] = 0;
      }
      if (k == shape_.size()) return;
    }
  }

  static void copy_strided(const std::byte* in, std::uint64_t step, std::uint64_t count,
                           std::byte* out) {
    for (std::uint64_t i = 0; i < count; ++i) std::memcpy(out + i * kSize, in + i * step, kSize);
  }

  const std::byte* data_;
  std::vector<std::uint64_t> shape_, in_stride_, out_stride_;  ///< Strides in elements.
};

void gather(const NpyHeader& header, const std::byte* data, std::uint64_t first, std::uint64_t end,
            std::byte* out) {
  switch (size_of(header.dtype)) {
    case 1:
      return FortranGather<1>(header.shape, data).copy(first, end, out);
    case 2:
      return FortranGather<2>(header.shape, data).copy(first, end, out);
    case 4:
      return FortranGather<4>(header.shape, data).copy(first, end, out);
    default:
      return FortranGather<8>(header.shape, data).copy(first, end, out);
  }
}

template <std::size_t kSize>
void swap_each(std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += kSize) {
    std::reverse(bytes.data() + i, bytes.data() + i + kSize);
  }
}

void swap_bytes(Dtype dtype, std::span<std::byte> bytes) {
  switch (dtype == Dtype::kC64 ? 4 : size_of(dtype)) {
    case 2:
      return swap_each<2>(bytes);
    case 4:
      return swap_each<4>(bytes);
    default:
      return swap_each<8>(bytes);
  }
}

/// Whole elements [first, first + out.size() / element size).
void read_elements(const NpyHeader& header, std::span<const std::byte> data, std::uint64_t first,
                   std::span<std::byte> out) {
  const std::size_t size = size_of(header.dtype);
  if (header.fortran_order) {
    gather(header, data.data(), first, first + out.size() / size, out.data());
  } else {
    std::memcpy(out.data(), data.data() + first * size, out.size());
  }
  if (header.big_endian) swap_bytes(header.dtype, out);
}

}  // namespace

bool is_native(const NpyHeader& header) { return !header.big_endian && !header.fortran_order; }

void read_npy(const NpyHeader& header, std::span<const std::byte> data, std::uint64_t first,
              std::span<std::byte> out) {
  if (first > data.size() || out.size() > data.size() - first) {
    throw Error("range lies outside the tensor");
  }
  if (out.empty()) return;
  const std::size_t size = size_of(header.dtype);
  // Whole elements lie in [head, tail) of `out`; a range may begin and end within one.
  const std::size_t head = std::min<std::size_t>((size - first % size) % size, out.size());
  const std::size_t tail = head + (out.size() - head) / size * size;
  std::array<std::byte, 8> element = {};
  if (head != 0) {
    read_elements(header, data, first / size, std::span(element).first(size));
    std::memcpy(out.data(), element.data() + first % size, head);
  }
  if (head != tail) {
    read_elements(header, data, (first + head) / size, out.subspan(head, tail - head));
  }
  if (tail != out.size()) {
    read_elements(header, data, (first + tail) / size, std::span(element).first(size));
    std::memcpy(out.data() + tail, element.data(), out.size() - tail);
  }
}

}  // namespace wquant
