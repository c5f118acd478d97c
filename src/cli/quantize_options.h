#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/terminal.h"
#include "wquant/settings.h"

namespace wquant {

/// What `wquant quantize` was asked to do.
struct QuantizeOptions {
  std::string input;
  std::string output;              ///< Empty: beside the input.
  std::string html;                ///< Page of the report; empty: none.
  Settings settings;               ///< The first of the variants.
  std::vector<Settings> variants;  ///< More than one where there is a choice for a size.
  bool bits_given = false;
  unsigned threads = 0;
  bool force = false, dry_run = false, json = false;
  std::optional<double> min_correlation;
  std::string target_size;  ///< Empty: none.
  std::optional<double> avg_bits;
  std::uint64_t shard_size = 0;  ///< 0: none given.
  Talk talk;

  /// Whether bits are chosen by what is known of the weights.
  [[nodiscard]] bool has_budget() const {
    return !target_size.empty() || avg_bits || (min_correlation && !bits_given);
  }
};

/// Fills `options`. False when only help was wanted. Throws Error (usage).
bool parse_quantize_options(const Arguments& arguments, QuantizeOptions& options);

}  // namespace wquant
