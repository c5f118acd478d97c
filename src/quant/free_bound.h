#pragma once

#include "quant/distribution.h"

namespace wquant {

/// An upper bound of the correlation that any codebook of `intervals` magnitude intervals can
/// have, whatever its boundaries and levels (even with levels of their own for the two signs).
///
/// Such a codebook keeps at most A = max sum S^2 / C over intervals and signs, and rho^2 <=
/// (A - mean^2) / variance. By Lagrangian duality A <= max over partitions of any size of
/// (sum S^2 / C - lambda * size) + lambda * intervals, for every lambda >= 0; the inner maximum is
/// a dynamic programme over bins whose choices are monotone (S^2 / C is a Monge cost), solved with
/// a queue of candidates in O(bins log bins). What a boundary inside a bin could gain is added.
/// Bins are joined until it takes about `effort` boundary look-ups.
double free_bound(const Distribution& distribution, int intervals, double effort);

}  // namespace wquant
