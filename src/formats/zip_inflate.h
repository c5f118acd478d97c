#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>

namespace wquant {

/// Unpacks a deflate stream piece by piece, in constant memory. Throws Error for damaged data.
class Inflater {
 public:
  explicit Inflater(std::span<const std::byte> in);
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater();

  /// Unpacks the next bytes; returns how many of `out` were filled, less than all only where the
  /// stream ends or is cut off.
  std::size_t fill(std::span<std::byte> out);
  /// Bytes of the input used so far.
  [[nodiscard]] std::size_t used() const { return used_; }
  /// True once fill() has come to the end of the stream.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  std::span<const std::byte> in_;
  std::size_t used_ = 0;
  bool ended_ = false;
  z_stream stream_ = {};
};

}  // namespace wquant
