#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wquant/model.h"

namespace wquant {

/// What a tensor's elements are like, as their exact values in double.
struct TensorStatistics {
  std::uint64_t finite = 0, nans = 0, infinities = 0, zeros = 0;
  double min = 0, max = 0, mean = 0, stddev = 0;  ///< Of the finite ones; 0 without any.
};

struct InspectedTensor {
  TensorInfo info;
  std::optional<TensorStatistics> statistics;  ///< Of the types that can be quantized.
};

/// A model as `inspect` shows it.
struct Inspection {
  std::string path, format;
  std::vector<InspectedTensor> tensors;
};

/// A table of at most 100 columns and a summary.
std::string inspection_text(const Inspection& inspection);

/// The same as JSON, in the manner of report_json().
std::string inspection_json(const Inspection& inspection);

}  // namespace wquant
