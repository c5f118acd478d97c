#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace wquant {

/// A flag for every pattern of a magnitude's upper bits: its weights are wanted.
class MagnitudeMarks {
 public:
  MagnitudeMarks() = default;
  /// `shift` lower bits of a magnitude's 31 do not matter.
  explicit MagnitudeMarks(int shift) : shift_(shift), flags_(std::size_t{1} << (31 - shift)) {}

  [[nodiscard]] bool empty() const { return flags_.empty(); }
  [[nodiscard]] int shift() const { return shift_; }
  [[nodiscard]] std::size_t key(float weight) const {
    return (std::bit_cast<std::uint32_t>(weight) & (~0U >> 1)) >> shift_;
  }
  [[nodiscard]] bool operator[](std::size_t key) const { return flags_[key]; }
  void set(std::size_t key) { flags_[key] = true; }

 private:
  int shift_ = 0;
  std::vector<bool> flags_;  // A bit each: of fine keys there are millions.
};

}  // namespace wquant
