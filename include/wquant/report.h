#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wquant/balance.h"
#include "wquant/cells.h"
#include "wquant/codebook.h"
#include "wquant/model.h"
#include "wquant/picture.h"

namespace wquant {

/// What became of one tensor.
struct TensorReport {
  TensorInfo info;
  bool quantized = false;
  std::string kept_reason;  ///< Why it was kept; empty when it was quantized.
  std::string same_as;      ///< Name of the earlier tensor that it is tied to; empty: none.
  std::uint64_t bytes = 0;  ///< Of all its parts in the file, without its share of the header.

  /// Whether its weights are stored themselves, see Coding::kF16. Throws nothing.
  [[nodiscard]] bool is_f16() const { return quantized && settings.coding == Coding::kF16; }

  // Of a quantized tensor:
  TensorSettings settings;
  /// Where codes were balanced, rho is that of what was written; gap stays that of the codebook
  /// with nearest-level codes, whose correlation is balance_figures.rho_before.
  Codebook codebook;
  double relative_error = 0;      ///< Squared error over the variance, of what was written.
  double snr_db = 0;              ///< 10 log10(sum w^2 / sum error^2); infinite when lossless.
  double max_error = 0;           ///< Largest |w - w'|.
  double entropy = 0;             ///< Of the codes, bits a weight, order 0.
  std::uint64_t coded_bytes = 0;  ///< Of codes that are stored at their entropy; 0: they are not.
  BalancePlan balance;
  BalanceFigures balance_figures;
  CellPlan cells;
  bool loses_zeros = false;  ///< Zeros are many enough to stay 0, but no level is for them.
  std::optional<TensorPicture> picture;  ///< Where RunOptions::pictures asked for it.
};

/// How bits, and what else was left open, were allotted for a size.
struct BudgetReport {
  std::uint64_t target_bytes = 0;  ///< That the file may have; 0: as few as the correlation allows.
  double error = 0;  ///< Sum over quantized tensors of weight (1 - rho^2), as planned.
  double gap = 0;    ///< No allocation of the size has a sum below error - gap.
  /// The best that all tensors alike could have; nothing where not even 1 bit fits.
  std::optional<TensorSettings> uniform;
  double uniform_error = 0;  ///< The sum with those.
};

/// What became of a model.
struct Report {
  std::string input, output;          ///< Paths as the user gave them.
  std::vector<TensorReport> tensors;  ///< In the input's order.
  std::uint64_t header_bytes = 0;     ///< Of the output: everything but tensor data.
  std::uint64_t file_bytes = 0;       ///< Of the output, whole.
  std::optional<BudgetReport> budget;
  bool dry_run = false;  ///< Only the plan: no figure that needs a weight.
};

}  // namespace wquant
