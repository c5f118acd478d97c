#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wquant/report.h"

namespace wquant {

/// A number of tensors taken together.
struct TensorGroup {
  std::size_t tensors = 0;
  std::uint64_t weights = 0;         ///< Elements.
  std::uint64_t original_bytes = 0;  ///< In the input, in its own dtypes.
  std::uint64_t bytes = 0;           ///< In the output, without the header.

  void add(const TensorReport& tensor);
};

/// The sums of a report.
struct Totals {
  TensorGroup quantized, kept, all;                ///< Without tied ones, which take no bytes.
  std::size_t tied = 0;                            ///< Tensors that share another's parts.
  std::optional<double> mean_rho;                  ///< Over the quantized tensors.
  std::optional<std::size_t> lowest, largest_gap;  ///< Indices of tensors: rho, certificate gap.
};

/// Figures that need weights are left out of a dry run's totals.
Totals totals_of(const Report& report);

/// How zeros stay 0 in a tensor: "level", one of its levels is 0, or "mask", a bit mask tells where
/// they are; empty: they need not stay.
std::string_view zeros_text(const TensorReport& tensor);

/// Original bytes over bytes; 0 when there are none.
double compression_ratio(std::uint64_t original_bytes, std::uint64_t bytes);
/// Bits of `bytes` for each of `weights` weights; 0 when there are none.
double bits_per_weight(std::uint64_t bytes, std::uint64_t weights);
/// Whether codes of a tensor are stored at their entropy, or beside a mask of zeros.
bool has_coded(const Report& report);
/// Bits of a tensor's code: its width, or how many it takes on average; "-": not known.
std::string bits_text(const TensorReport& tensor);
/// The mode, or what stands for it where there is none.
std::string mode_text(const TensorSettings& settings);

}  // namespace wquant
