#include "sample_images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "random.h"

namespace wquant::sample {
namespace {

struct Point {
  float x, y;
};
using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;

/// An arc of an ellipse, angles in half turns, clockwise from the right (y points down).
Stroke arc(Point centre, float rx, float ry, float from, float to) {
  constexpr int kSteps = 10;
  Stroke stroke;
  for (int i = 0; i <= kSteps; ++i) {
    const float angle = std::numbers::pi_v<float> * (from + (to - from) * float(i) / kSteps);
    stroke.push_back({centre.x + rx * std::cos(angle), centre.y + ry * std::sin(angle)});
  }
  return stroke;
}

/// The ten digits in the box [-1, 1] x [-1, 1].
const std::array<Glyph, kClasses>& glyphs() {
  static const std::array<Glyph, kClasses> kGlyphs = {{
      {arc({0, 0}, .65F, 1, 0, 2)},
      {{{-.4F, -.6F}, {.05F, -1}, {.05F, 1}}},
      {arc({0, -.45F}, .6F, .55F, -1, .25F), {{.42F, -.06F}, {-.6F, 1}, {.65F, 1}}},
      {arc({-.05F, -.5F}, .6F, .5F, -.85F, .5F), arc({-.05F, .5F}, .65F, .5F, -.5F, .85F)},
      {{{.35F, 1}, {.35F, -1}, {-.65F, .35F}, {.7F, .35F}}},
      {{{.55F, -1}, {-.5F, -1}, {-.55F, -.1F}}, arc({-.05F, .35F}, .65F, .62F, -.75F, .8F)},
      {arc({.1F, .05F}, .7F, 1.05F, -.4F, -1), arc({0, .45F}, .6F, .55F, -1, 1)},
      {{{-.6F, -1}, {.6F, -1}, {-.15F, 1}}},
      {arc({0, -.5F}, .5F, .48F, 0, 2), arc({0, .48F}, .62F, .52F, 0, 2)},
      {arc({0, -.45F}, .6F, .55F, 0, 2), {{.6F, -.45F}, {.5F, .3F}, {.1F, 1}}},
  }};
  return kGlyphs;
}

/// How one image differs from the clean glyph.
class Distortion {
 public:
  explicit Distortion(Random& random)
      : angle_(random.uniform(-.4F, .4F)),
        shear_(random.uniform(-.35F, .35F)),
        width_(random.uniform(3.6F, 6.4F)),
        height_(random.uniform(4.2F, 6.6F)),
        shift_{random.uniform(-1.6F, 1.6F), random.uniform(-1.2F, 1.2F)} {}

  /// From the glyph's box to pixels.
  [[nodiscard]] Point apply(Point p) const {
    const float x = width_ * (p.x + shear_ * p.y);
    const float y = height_ * p.y;
    constexpr float kCentre = (kSide - 1) / 2.0F;
    return {kCentre + shift_.x + std::cos(angle_) * x - std::sin(angle_) * y,
            kCentre + shift_.y + std::sin(angle_) * x + std::cos(angle_) * y};
  }

 private:
  float angle_, shear_, width_, height_;
  Point shift_;
};

Glyph distorted(const Glyph& glyph, Random& random) {
  const Distortion distortion(random);
  Glyph result = glyph;
  for (Stroke& stroke : result) {
    const Point shift{.08F * random.normal(), .08F * random.normal()};
    for (Point& point : stroke) point = distortion.apply({point.x + shift.x, point.y + shift.y});
  }
  return result;
}

/// A short line anywhere in the image that belongs to no digit.
Stroke clutter(Random& random) {
  const Point start{random.uniform(0, kSide), random.uniform(0, kSide)};
  return {start, {start.x + 3 * random.normal(), start.y + 3 * random.normal()}};
}

float squared_distance(Point p, Point a, Point b) {
  const Point ab{b.x - a.x, b.y - a.y};
  const float length = ab.x * ab.x + ab.y * ab.y;
  const float along = length > 0 ? ((p.x - a.x) * ab.x + (p.y - a.y) * ab.y) / length : 0;
  const float t = std::clamp(along, 0.0F, 1.0F);
  const Point d{p.x - a.x - t * ab.x, p.y - a.y - t * ab.y};
  return d.x * d.x + d.y * d.y;
}

float distance(Point p, const Glyph& glyph) {
  float nearest = 1e9F;
  for (const Stroke& stroke : glyph) {
    for (std::size_t i = 1; i < stroke.size(); ++i) {
      nearest = std::min(nearest, squared_distance(p, stroke[i - 1], stroke[i]));
    }
  }
  return std::sqrt(nearest);
}

/// 16 grey levels, so that the files compress.
std::uint8_t grey(float ink) {
  return static_cast<std::uint8_t>(17 * std::lround(15 * std::clamp(ink, 0.0F, 1.0F)));
}

void draw(const Glyph& glyph, Random& random, std::vector<std::uint8_t>& pixels) {
  const float pen = random.uniform(.5F, 1.3F);
  const float contrast = random.uniform(.55F, 1);
  const float noise = random.uniform(.03F, .17F);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const float edge = pen + .5F - distance({float(x), float(y)}, glyph);
      const float ink = contrast * std::clamp(edge, 0.0F, 1.0F);
      pixels.push_back(grey(ink + noise * random.normal()));
    }
  }
}

}  // namespace

ImageSet draw_images(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  ImageSet set;
  set.pixels.reserve(count * kPixels);
  for (std::size_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::uint8_t>(random.below(kClasses));
    Glyph glyph = distorted(glyphs()[label], random);
    glyph.push_back(clutter(random));
    draw(glyph, random, set.pixels);
    set.labels.push_back(label);
  }
  return set;
}

}  // namespace wquant::sample
