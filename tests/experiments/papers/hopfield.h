#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "random.h"

namespace wquant::papers {

/// One column a state of all neurons, each of them 1 or -1.
using States = Eigen::MatrixXf;
/// Between all pairs of neurons: symmetric, 0 on the diagonal.
using Connections = Eigen::MatrixXf;

States random_states(Eigen::Index neurons, Eigen::Index count, sample::Random& random);

/// The same with the share `noise` of all neurons turned, drawn one by one.
States disturbed(const States& states, float noise, sample::Random& random);

/// Hebb's rule without its factor: the sum over patterns of what two neurons have in common, whole
/// numbers. Of an odd number of patterns none is 0.
Connections hebb(const States& patterns);

/// The connections above the diagonal, row by row, and the way back.
std::vector<float> upper_triangle(const Connections& connections);
Connections from_triangle(std::span<const float> triangle, Eigen::Index neurons);

/// Share of the local fields that have the other sign with `changed`, of those that are not 0.
double sign_changes(const Connections& connections, const Connections& changed,
                    const States& states);

/// Runs every state, neuron after neuron, until none turns, and returns the share of neurons that
/// then differ from the pattern of the same column.
double retrieval_error(const Connections& connections, const States& starts,
                       const States& patterns);

}  // namespace wquant::papers
