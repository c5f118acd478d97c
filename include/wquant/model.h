#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wquant/dtype.h"

namespace wquant {

/// Name, shape and element type of one tensor. An empty shape is a scalar (one element).
struct TensorInfo {
  std::string name;
  std::vector<std::uint64_t> shape;
  Dtype dtype = Dtype::kF32;

  /// Product of the shape. Readers have checked that it and bytes() fit 63 bits. Throw nothing.
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t bytes() const { return count() * size_of(dtype); }
};

/// Product of `shape`. Throws Error when count * element_size does not fit 63 bits.
std::uint64_t checked_count(std::span<const std::uint64_t> shape, std::size_t element_size);

/// "[64, 3, 3, 3]". Throws nothing.
std::string shape_text(std::span<const std::uint64_t> shape);

/// Which axis of a layer's weights counts its output channels, and how the others lie about it.
struct OutputAxis {
  std::size_t axis = 0;
  /// The positions of a kernel come before its channels, as in Keras; else after them.
  bool positions_first = false;
  /// The next axis counts outputs of the same input (depthwise kernels): both are output channels.
  bool multiplied = false;
};

/// A model: an ordered list of named tensors whose elements can be read in ranges. Every file
/// format, a quantized file (dequantized as it is read) and any view of another model is one.
/// Several threads may read at once. What reads throws Error, see below; the rest throws nothing.
class ModelReader {
 public:
  ModelReader() = default;
  ModelReader(const ModelReader&) = delete;
  ModelReader& operator=(const ModelReader&) = delete;
  virtual ~ModelReader() = default;

  /// The path it was opened from, for messages.
  [[nodiscard]] virtual const std::string& path() const = 0;
  /// Name of its format as in the table of formats: "npz", "safetensors", ...
  [[nodiscard]] virtual std::string_view format() const = 0;
  /// The tensors in the file's order; names are unique.
  [[nodiscard]] virtual const std::vector<TensorInfo>& tensors() const = 0;

  /// Copies out.size() bytes of tensor `index` from byte `first` of its elements, laid out in C
  /// order, little-endian, in its own dtype, whatever the file's order is. The range must lie
  /// within the tensor. Throws Error naming file and tensor: range, failed read, damaged data.
  virtual void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const = 0;

  /// All bytes of the tensor where they already lie in memory in the form that read() gives
  /// (a mapped file); empty where they do not. Valid as long as the reader. Throws like read().
  [[nodiscard]] virtual std::span<const std::byte> view(std::size_t /*index*/) const { return {}; }

  /// Tells the reader that bytes [first, first + size) of the tensor's view will not be needed
  /// soon, so that it may drop them from memory. They can still be read afterwards.
  virtual void release(std::size_t /*index*/, std::uint64_t /*first*/,
                       std::uint64_t /*size*/) const {}

  /// The first tensor that has the same elements as this one because the file holds them once for
  /// both (tied weights), with the same shape and dtype; `index` itself where there is none.
  [[nodiscard]] virtual std::size_t same_as(std::size_t index) const { return index; }

  /// Name of the file that holds the tensor, where the model lies in several; else empty.
  [[nodiscard]] virtual std::string_view file_of(std::size_t /*index*/) const { return {}; }

  /// The output channels of a tensor of 2 or more dimensions, as the file has them; nothing where
  /// that is not known. Without a word in the file: axis 0, as in [out, in, height, width].
  [[nodiscard]] virtual std::optional<OutputAxis> output_axis(std::size_t /*index*/) const {
    return OutputAxis();
  }

  /// False for what the file uses as something else than weights of a layer, such as a mean that is
  /// subtracted: it is kept whatever its dtype and shape.
  [[nodiscard]] virtual bool is_weight(std::size_t /*index*/) const { return true; }

  /// Elements [first, first + out.size()) as float32. F64 is rounded to the nearest float32, F16
  /// and BF16 are exact. Throws Error for a dtype that is not quantizable, and like read().
  void read_floats(std::size_t index, std::uint64_t first, std::span<float> out) const;
};

}  // namespace wquant
