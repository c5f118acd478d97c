#include "hopfield.h"

namespace wquant::papers {
namespace {

using Eigen::Index;
using Eigen::VectorXf;

constexpr int kSweeps = 100;  ///< At most; the energy falls with every turn, so it ends by itself.

/// One pass over all neurons; false when none turned.
bool sweep(const Connections& connections, VectorXf& state, VectorXf& field) {
  bool turned = false;
  for (Index i = 0; i < state.size(); ++i) {
    if (state(i) * field(i) >= 0) continue;
    state(i) = -state(i);
    field += 2 * state(i) * connections.col(i);
    turned = true;
  }
  return turned;
}

}  // namespace

States random_states(Index neurons, Index count, sample::Random& random) {
  States states(neurons, count);
  for (float& s : states.reshaped()) s = random.below(2) == 0 ? -1.0F : 1.0F;
  return states;
}

States disturbed(const States& states, float noise, sample::Random& random) {
  States turned = states;
  for (float& s : turned.reshaped()) s = random.uniform(0, 1) < noise ? -s : s;
  return turned;
}

Connections hebb(const States& patterns) {
  Connections connections = patterns * patterns.transpose();
  connections.diagonal().setZero();
  return connections;
}

std::vector<float> upper_triangle(const Connections& connections) {
  std::vector<float> triangle;
  for (Index i = 0; i < connections.rows(); ++i) {
    for (Index j = i + 1; j < connections.cols(); ++j) triangle.push_back(connections(i, j));
  }
  return triangle;
}

Connections from_triangle(std::span<const float> triangle, Index neurons) {
  Connections connections = Connections::Zero(neurons, neurons);
  std::size_t next = 0;
  for (Index i = 0; i < neurons; ++i) {
    for (Index j = i + 1; j < neurons; ++j) {
      connections(i, j) = connections(j, i) = triangle[next++];
    }
  }
  return connections;
}

double sign_changes(const Connections& connections, const Connections& changed,
                    const States& states) {
  const Eigen::ArrayXXf before = (connections * states).array();
  const Eigen::ArrayXXf after = (changed * states).array();
  const auto fields = static_cast<double>((before != 0).count());
  return static_cast<double>((before * after < 0).count()) / fields;
}

double retrieval_error(const Connections& connections, const States& starts,
                       const States& patterns) {
  Index wrong = 0;
  for (Index p = 0; p < starts.cols(); ++p) {
    VectorXf state = starts.col(p);
    VectorXf field = connections * state;
    for (int i = 0; i < kSweeps && sweep(connections, state, field); ++i) {
    }
    wrong += (state.array() != patterns.col(p).array()).count();
  }
  return static_cast<double>(wrong) / static_cast<double>(patterns.size());
}

}  // namespace wquant::papers
