#include "report/bars.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace wquant {
namespace {

constexpr std::size_t kHeights = 9;

using Bars = std::array<std::string_view, kHeights>;
constexpr Bars kBlockBars = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr Bars kAsciiBars = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};

}  // namespace

std::string bars_text(std::span<const std::uint64_t> counts, BarSet set) {
  const Bars& bars = set == BarSet::kBlocks ? kBlockBars : kAsciiBars;
  if (counts.empty()) return {};
  const auto most = static_cast<double>(*std::ranges::max_element(counts));
  std::string text;
  for (const std::uint64_t count : counts) {
    const double share = count == 0 ? 0 : static_cast<double>(count) / most;
    text += bars[static_cast<std::size_t>(std::ceil(share * (kHeights - 1)))];
  }
  return text;
}

}  // namespace wquant
