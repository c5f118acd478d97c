#include "quant/prune_keys.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace wquant {
namespace {

/// Adds |(p - c) / p|; nothing where both are alike, zeros too.
void add_deviations(WeightView control, WeightView perturbed, float* sums) {
  for (std::size_t i = 0; i < control.size; ++i) {
    const float c = control.data[i];
    const float p = perturbed.data[i];
    const float deviation = std::fabs((p - c) / p);
    sums[i] += p == c ? 0.0F : deviation;
  }
}

std::uint32_t pattern(float w) { return std::bit_cast<std::uint32_t>(w); }

/// Steele, Lea and Flood's SplitMix64.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

WeightView read(const MatchedModel& model, std::size_t tensor, SlabRange block,
                std::vector<float>& scratch) {
  return floats_of(*model.model, model.tensors[tensor], block, scratch);
}

bool is_finite(WeightView weights) {
  std::uint32_t infinite = 0;
  for (std::size_t i = 0; i < weights.size; ++i) {
    const std::uint32_t exponent = pattern(weights.data[i]) & kInfinitePattern;
    infinite |= exponent == kInfinitePattern ? 1U : 0U;
  }
  return infinite == 0;
}

}  // namespace

std::uint64_t PruneKeys::bytes_of_weight(std::size_t tensor) const {
  std::uint64_t bytes = 0;
  for (const MatchedModel* matched : all_) {
    bytes += size_of(matched->model->tensors()[matched->tensors[tensor]].dtype);
  }
  return bytes;
}

WeightView PruneKeys::control(std::size_t tensor, SlabRange block, PruneScratch& scratch) const {
  return read(models_.folds.front().control, tensor, block, scratch.control);
}

void PruneKeys::find(std::size_t tensor, SlabRange block, std::uint64_t first_weight,
                     PruneScratch& scratch) const {
  scratch.keys.resize(block.count);
  PruneKey* const keys = scratch.keys.data();
  if (settings_.method == PruneMethod::kReductive) return add_deviations(tensor, block, scratch);
  if (settings_.method == PruneMethod::kRandom) {
    const std::uint64_t stream = mixed(settings_.seed);
    for (std::uint64_t i = 0; i < block.count; ++i) {
      const std::uint64_t number = first_weight + block.first + i;
      keys[i] = static_cast<PruneKey>(mixed(stream + number) >> (64 - kPruneKeyBits));
    }
    return;
  }
  const WeightView weights = control(tensor, block, scratch);
  for (std::size_t i = 0; i < weights.size; ++i) {
    keys[i] = (kInfinitePattern - pattern(std::fabs(weights.data[i]))) & (kGone - 1);
  }
}

void PruneKeys::add_deviations(std::size_t tensor, SlabRange block, PruneScratch& scratch) const {
  scratch.deviations.assign(block.count, 0.0F);
  std::size_t models = 0;
  for (const MatchedFold& fold : models_.folds) {
    const WeightView before = read(fold.control, tensor, block, scratch.other);
    for (const MatchedModel& perturbed : fold.perturbed) {
      wquant::add_deviations(before, read(perturbed, tensor, block, scratch.perturbed),
                             scratch.deviations.data());
      ++models;
    }
  }
  const auto divisor = static_cast<float>(models);
  for (std::size_t i = 0; i < block.count; ++i) {
    scratch.keys[i] = pattern(scratch.deviations[i] / divisor) & (kGone - 1);
  }
}

std::optional<double> PruneKeys::value_of(PruneKey key) const {
  switch (settings_.method) {
    case PruneMethod::kReductive:
      return std::bit_cast<float>(key);
    case PruneMethod::kMagnitude:
      return std::bit_cast<float>(kInfinitePattern - key);
    case PruneMethod::kRandom:
      break;
  }
  return std::nullopt;
}

bool PruneKeys::all_finite(std::size_t tensor, SlabRange block, PruneScratch& scratch) const {
  return std::ranges::all_of(all_, [&](const MatchedModel* model) {
    return is_finite(read(*model, tensor, block, scratch.other));
  });
}

}  // namespace wquant
