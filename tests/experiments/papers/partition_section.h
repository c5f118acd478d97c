#pragma once

#include <cstddef>
#include <string>

#include "partitions.h"
#include "section.h"

namespace wquant::papers {

/// Experiment 1: random numbers cut into intervals, for `count` numbers of each density.
Section partition_section(std::size_t count);

/// The curves rho(x0) of a sample for 2 to 6 bits, a panel for each way to find the ratio.
std::string partition_chart(const Sample& sample);

}  // namespace wquant::papers
