#pragma once

#include <optional>
#include <vector>

#include "cli/statistics.h"
#include "wquant/model.h"
#include "wquant/picture.h"

namespace wquant {

/// Histogram of the finite numbers of tensor `index`, from 4 standard deviations below the mean to
/// 4 above or to the smallest and largest number, which its statistics tell; reads them once more.
Histogram tensor_histogram(const ModelReader& model, std::size_t index,
                           const Statistics& statistics);

/// A line of bars for every tensor that has one.
void print_histograms(const ModelReader& model,
                      const std::vector<std::optional<Histogram>>& histograms);

}  // namespace wquant
