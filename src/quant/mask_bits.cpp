#include "quant/mask_bits.h"

#include <bit>

namespace wquant {

MaskBits::MaskBits(const Plan& plan)
    : places_(places_of(plan)),
      bits_(places_.empty()
                ? 0
                : (places_.back().first_word + places_.back().words) * sizeof(std::uint64_t)) {}

/// A last entry without words ends the list.
std::vector<MaskBits::Place> MaskBits::places_of(const Plan& plan) {
  std::vector<Place> places;
  Place next;
  for (const PlannedTensor& tensor : plan.tensors) {
    next.words = 0;
    if (tensor.same_as) {
      places.push_back(places[*tensor.same_as]);
      continue;
    }
    if (tensor.quantized) next.words = (tensor.info.count() + 63) / 64;
    places.push_back(next);
    next.first_word += next.words;
    if (tensor.quantized) next.first_weight += tensor.info.count();
  }
  next.words = 0;
  places.push_back(next);
  return places;
}

std::span<std::uint64_t> MaskBits::words(std::size_t tensor) {
  const Place& place = places_[tensor];
  auto* const all = reinterpret_cast<std::uint64_t*>(bits_.bytes().data());
  return std::span(all, bits_.bytes().size() / sizeof(std::uint64_t))
      .subspan(place.first_word, place.words);
}

std::span<const std::uint64_t> MaskBits::words(std::size_t tensor) const {
  const Place& place = places_[tensor];
  const auto* const all = reinterpret_cast<const std::uint64_t*>(bits_.bytes().data());
  return std::span(all, bits_.bytes().size() / sizeof(std::uint64_t))
      .subspan(place.first_word, place.words);
}

std::uint64_t MaskBits::removed(std::size_t tensor) const {
  std::uint64_t count = 0;
  for (const std::uint64_t word : words(tensor)) {
    count += static_cast<std::uint64_t>(std::popcount(word));
  }
  return count;
}

}  // namespace wquant
