#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "coding/coded_tensor.h"
#include "unit/engine_support.h"

namespace wquant::testing_engine {

inline const std::vector<std::byte>& part_of(const Outcome& outcome, std::size_t i, Part part) {
  return outcome.parts[i][static_cast<std::size_t>(part)];
}

/// Elements of a part.
template <typename T>
std::vector<T> elements_of(const Outcome& outcome, std::size_t i, Part part) {
  const std::vector<std::byte>& bytes = part_of(outcome, i, part);
  std::vector<T> elements(bytes.size() / sizeof(T));
  std::copy_n(bytes.begin(), elements.size() * sizeof(T),
              std::as_writable_bytes(std::span(elements)).begin());
  return elements;
}

/// A stream of bits that begins at a byte of some bytes.
class BitStream {
 public:
  BitStream(const std::vector<std::byte>& bytes, std::size_t begin)
      : bytes_(bytes), at_(8 * begin) {}

  std::size_t next(std::size_t bits) {
    std::size_t code = 0;
    for (std::size_t j = 0; j < bits; ++j, ++at_) {
      code |= (std::to_integer<std::size_t>(bytes_.at(at_ / 8)) >> at_ % 8 & 1U) << j;
    }
    return code;
  }

 private:
  const std::vector<std::byte>& bytes_;
  std::size_t at_;
};

/// The level of every weight of tensor `i`, by the words of docs/format.md.
inline std::vector<float> decoded_levels(const Outcome& outcome, std::size_t i) {
  const TensorReport& report = outcome.report.tensors[i];
  const std::size_t count = report.info.count();
  const auto levels = elements_of<float>(outcome, i, Part::kLevels);
  std::vector<float> values(count);
  if (report.settings.coding == Coding::kEntropy) {
    const auto stored = elements_of<std::uint8_t>(outcome, i, Part::kCodes);
    std::vector<std::uint8_t> codes(count);
    CodedTensor(stored, count).read(0, codes);
    for (std::size_t k = 0; k < count; ++k) values[k] = levels[codes[k]];
    return values;
  }
  const bool masked = report.codebook.masked_code.has_value();
  BitStream mask(part_of(outcome, i, Part::kCodes), 0);
  BitStream codes(part_of(outcome, i, Part::kCodes), masked ? (count + 7) / 8 : 0);
  for (float& value : values) {
    const bool has_code = !masked || mask.next(1) == 1;
    value = has_code ? levels[codes.next(static_cast<std::size_t>(report.settings.bits))] : 0;
  }
  return values;
}

/// What tensor `i` became, by the same words.
inline std::vector<double> decoded(const Outcome& outcome, std::size_t i) {
  const CellPlan& cells = outcome.report.tensors[i].cells;
  const auto scales = elements_of<Eigen::half>(outcome, i, Part::kScales);
  const std::vector<float> levels = decoded_levels(outcome, i);
  std::vector<double> values;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const float scale =
        scales.empty() ? 1 : static_cast<float>(scales[k / cells.run % cells.cells]);
    values.push_back(static_cast<double>(scale * levels[k]));
  }
  return values;
}

}  // namespace wquant::testing_engine
