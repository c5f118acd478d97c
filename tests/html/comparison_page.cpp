#include <cmath>
#include <cstdio>
#include <string>

#include "report/html.h"

/// Prints the page of a made-up comparison of two modes and a size, with scores.

namespace wquant {
namespace {

constexpr std::size_t kTensors = 40;

ComparedSetting setting_of(const std::string& mode, int bits) {
  ComparedSetting setting;
  setting.settings.mode = mode;
  setting.settings.bits = bits;
  const double loss = (mode == "exp" ? 0.3 : 0.5) * std::pow(0.28, bits - 1);
  for (std::size_t i = 0; i < kTensors; ++i) {
    const double share = loss * (1 + 0.6 * std::sin(static_cast<double>(i)));
    setting.tensors.push_back({setting.settings, 1 - share, 2 * share, 1000});
  }
  setting.file_bytes = 6'000 + 5'500 * static_cast<std::uint64_t>(bits);
  setting.score = 97.5 - 200 * loss;
  return setting;
}

Comparison comparison() {
  Comparison all;
  all.input = "models/<made up> & \"quoted\".npz";
  for (std::size_t i = 0; i < kTensors; ++i) {
    all.tensors.push_back({"layer." + std::to_string(i), {10, 110}, Dtype::kF32});
  }
  all.weights = 44'000;
  all.bytes = 176'000;
  all.score = 97.45;
  for (const char* mode : {"linear", "exp"}) {
    for (int bits = 2; bits <= 8; ++bits) all.settings.push_back(setting_of(mode, bits));
  }
  all.settings.push_back(setting_of("exp", 3));
  all.settings.back().size = "6x";
  all.settings.back().score.reset();
  all.best = 9;
  return all;
}

}  // namespace
}  // namespace wquant

int main() {
  const std::string page = wquant::comparison_html(wquant::comparison());
  std::fwrite(page.data(), 1, page.size(), stdout);
  return 0;
}
