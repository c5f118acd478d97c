#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/quantize_options.h"
#include "wquant/settings.h"

namespace wquant {

/// One row of the table.
struct ComparedRow {
  Settings settings;
  std::string size;  ///< That bits are chosen for; empty: those of the settings.
};

/// What `wquant compare` was asked to do.
struct CompareOptions {
  std::string input;
  std::vector<ComparedRow> rows;  ///< By ascending bits, then by size, in the order that was typed.
  unsigned threads = 0;
  bool csv = false, json = false;
  std::string html;  ///< Page of the comparison; empty: none.
  std::string eval;  ///< Command with {} for the path of a model; empty: none.
  unsigned eval_jobs = 1;
  std::optional<double> at_least, max_drop;
  std::string write_best;  ///< Empty: nothing is written.
  bool force = false;
  Talk talk;

  /// A row as `wquant quantize` would be asked for it, into that file.
  [[nodiscard]] QuantizeOptions quantize(const ComparedRow& row, const std::string& output) const;
};

/// Fills `options`. False when only help was wanted. Throws Error (usage).
bool parse_compare_options(const Arguments& arguments, CompareOptions& options);

}  // namespace wquant
