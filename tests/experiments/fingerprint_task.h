#pragma once

#include <cstdint>

#include "sample_network.h"

namespace wquant::sample {

inline constexpr int kFingerprintBits = 1024;

/// Compounds: one column of features, 0 or 1, and one number to be foretold for each.
struct Compounds {
  Matrix features;  ///< kFingerprintBits x count
  Eigen::VectorXf target;
};

/// Binary fingerprints of made-up compounds and an activity, around 6, that a few of the features
/// decide: singly and in pairs. The rest, more than nine tenths, say nothing of it; there is noise
/// in the activity. The same in every run.
struct FingerprintTask {
  Compounds training, validation, test;
};

FingerprintTask draw_task(std::uint64_t seed);

}  // namespace wquant::sample
