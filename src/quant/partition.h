#pragma once

#include <span>

namespace wquant {

/// Boundaries b_k = x0 (r^k - 1) / (r - 1), k = 1..b.size(): interval widths x0, x0 r, x0 r^2, ...;
/// r = 1 is the linear partition b_k = k x0.
void place_boundaries(double x0, double r, std::span<double> b);

/// (r^k - 1) / (r - 1): sum of the first k widths in units of x0.
double width_sum(double r, int k);

/// By how much log r grows with the log of width_sum(r, k), for k >= 2.
double ratio_of_growth(double r, int k);

/// The r >= 1 with width_sum(r, k) = target; 1 when target <= k. The closer `near` is to it, the
/// sooner it is found.
double ratio_for_width_sum(double target, int k, double near);

}  // namespace wquant
