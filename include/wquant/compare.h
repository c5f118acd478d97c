#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wquant/model.h"
#include "wquant/quantize.h"
#include "wquant/settings.h"

namespace wquant {

/// What one setting makes of one tensor.
struct ComparedTensor {
  TensorSettings settings;
  double rho = 1;             ///< Correlation of its weights with their levels.
  double relative_error = 0;  ///< Squared error over the variance.
  std::uint64_t bytes = 0;    ///< Of all its parts.
  bool estimated = false;     ///< Bytes are an estimate: they depend on all codes.
};

/// What one setting makes of a model.
struct ComparedSetting {
  TensorSettings settings;  ///< Of the tensors that no rule has others for.
  /// The size that bits were chosen for, tensor by tensor, as it was asked for ("6x"); empty: bits
  /// are those of the settings.
  std::string size;
  std::vector<ComparedTensor> tensors;  ///< By Comparison::tensors.
  std::uint64_t file_bytes = 0;         ///< Of the quantized file, header and all.
  bool file_bytes_known = true;         ///< False: an estimate.
  /// The figures are those of a file that was written; else those of codebooks with nearest-level
  /// codes, before any balancing, and where there are scales those of a sample.
  bool written = false;
  std::optional<double> score;  ///< What the evaluation of the dequantized model gave.

  /// Means over the tensors; 1 and 0 when there are none. Throw nothing.
  [[nodiscard]] double mean_rho() const;
  [[nodiscard]] double mean_relative_error() const;
  /// Index of the tensor with the lowest rho; nothing when there are none. Throws nothing.
  [[nodiscard]] std::optional<std::size_t> lowest() const;
};

/// A model with several settings.
struct Comparison {
  std::string input;                ///< Path as the user gave it.
  std::vector<TensorInfo> tensors;  ///< Those that are quantized, tied ones once.
  std::uint64_t weights = 0;        ///< Elements of all tensors of the model, tied ones once.
  std::uint64_t bytes = 0;          ///< That these take in the model's own dtypes.
  std::optional<double> score;      ///< Of the model itself.
  std::vector<ComparedSetting> settings;
  std::optional<std::size_t> best;  ///< Of the settings: the smallest that holds what is asked for.
};

/// A comparison of no setting yet: what is compared. Throws nothing.
Comparison begin_comparison(const ModelReader& model, const Plan& plan);

/// Reads the weights once and tells what every plan would make of them; the plans are of one model,
/// differ in settings only, and there is at least one. Leaves the files' sizes, which are no matter
/// of weights, at 0. Throws Error naming the tensor for NaN and infinity, and where reading fails;
/// Error (interrupted) when RunOptions::stop is set.
Comparison compare(const ModelReader& model, std::span<const Plan> plans,
                   const RunOptions& options = {});

}  // namespace wquant
