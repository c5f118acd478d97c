#include "fingerprint_task.h"

#include <cmath>
#include <numeric>
#include <vector>

namespace wquant::sample {
namespace {

using Eigen::Index;

constexpr Index kTraining = 1000, kValidation = 600, kTest = 600;
constexpr std::size_t kRelevant = 20;
constexpr int kPairs = 10;
constexpr float kNoise = 0.3F;  ///< Of an activity of variance 1.
constexpr float kMeanActivity = 6;

/// Features that decide.
std::vector<Index> draw_relevant(Random& random) {
  std::vector<std::size_t> order(kFingerprintBits);
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  return {order.begin(), order.begin() + kRelevant};
}

Matrix draw_features(const std::vector<Index>& relevant, Index count, Random& random) {
  std::vector<float> share(kFingerprintBits);
  for (float& chance : share) chance = random.uniform(0.02F, 0.3F);
  for (const Index feature : relevant) {
    share[static_cast<std::size_t>(feature)] = random.uniform(0.1F, 0.4F);
  }
  Matrix features(kFingerprintBits, count);
  for (Index i = 0; i < features.size(); ++i) {
    const float chance = share[static_cast<std::size_t>(i % kFingerprintBits)];
    features.data()[i] = random.uniform(0, 1) < chance ? 1.0F : 0.0F;
  }
  return features;
}

Eigen::VectorXf draw_activity(const Matrix& features, const std::vector<Index>& relevant,
                              Random& random) {
  Eigen::VectorXf activity = Eigen::VectorXf::Zero(features.cols());
  const auto feature = [&](Index f) { return features.row(f).transpose().array(); };
  for (const Index f : relevant) activity.array() += random.normal() / 2 * feature(f);
  for (int pair = 0; pair < kPairs; ++pair) {
    const Index a = relevant[random.below(kRelevant)], b = relevant[random.below(kRelevant)];
    activity.array() += random.normal() * 0.7F * feature(a) * feature(b);
  }
  activity.array() -= activity.mean();
  activity /= std::sqrt(activity.squaredNorm() / static_cast<float>(activity.size()));
  for (float& value : activity) value += kMeanActivity + kNoise * random.normal();
  return activity;
}

}  // namespace

FingerprintTask draw_task(std::uint64_t seed) {
  Random random(seed);
  const std::vector<Index> relevant = draw_relevant(random);
  const Matrix features = draw_features(relevant, kTraining + kValidation + kTest, random);
  const Eigen::VectorXf activity = draw_activity(features, relevant, random);
  const auto part = [&](Index first, Index count) {
    return Compounds{features.middleCols(first, count), activity.segment(first, count)};
  };
  return {part(0, kTraining), part(kTraining, kValidation), part(kTraining + kValidation, kTest)};
}

}  // namespace wquant::sample
