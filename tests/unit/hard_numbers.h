#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "formats/quantized_output.h"
#include "wquant/formats.h"
#include "wquant/quantize.h"
#include "wquant/settings.h"

// Figures by their definitions, in long double, and files to measure.
namespace wquant::testing_numbers {

/// Of weights and what they became, which come piece by piece, twice.
class Reference {
 public:
  void add_to_means(std::span<const float> before, std::span<const float> after) {
    count_ += static_cast<long double>(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      w_ += before[i];
      q_ += after[i];
    }
  }
  void end_means() {
    w_ /= count_;
    q_ /= count_;
  }
  void add(std::span<const float> before, std::span<const float> after) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      const long double dw = before[i] - w_, dq = after[i] - q_;
      const long double e = static_cast<long double>(before[i]) - after[i];
      ww_ += dw * dw;
      qq_ += dq * dq;
      wq_ += dw * dq;
      ee_ += e * e;
      most_ = std::max(most_, std::fabs(e));
    }
  }

  [[nodiscard]] long double rho() const {
    return qq_ > 0 ? wq_ / std::sqrt(ww_) / std::sqrt(qq_) : 0;
  }
  [[nodiscard]] long double relative_error() const { return ee_ / ww_; }
  [[nodiscard]] long double max_error() const { return most_; }

 private:
  long double count_ = 0, w_ = 0, q_ = 0;  // Sums, then means.
  long double ww_ = 0, qq_ = 0, wq_ = 0, ee_ = 0, most_ = 0;
};

/// Quantizes into a file of `folder` and returns its report.
inline Report write_quantized(const ModelReader& model, const Settings& settings,
                              const std::filesystem::path& path) {
  const Plan plan = make_plan(model, settings);
  const QuantizedJob job{model, plan, settings, path};
  const auto writer = find_quantized_format(path)->make(job, Overwrite::kReplace);
  Report report = quantize(model, plan, *writer);
  writer->finish(report);
  return report;
}

inline Settings settings_of(const std::string& items) {
  Settings settings;
  wquant::apply(settings.tensor, items);
  return settings;
}

}  // namespace wquant::testing_numbers
