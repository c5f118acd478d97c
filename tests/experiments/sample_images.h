#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wquant::sample {

inline constexpr int kSide = 16;  ///< Images are kSide x kSide pixels.
inline constexpr int kPixels = kSide * kSide;
inline constexpr int kClasses = 10;

/// Images, pixel (y, x) of image i at (i * kSide + y) * kSide + x, and what digit each one shows.
struct ImageSet {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;

  [[nodiscard]] std::size_t size() const { return labels.size(); }
};

/// Draws `count` distorted digits. The same seed gives the same images.
ImageSet draw_images(std::size_t count, std::uint64_t seed);

}  // namespace wquant::sample
