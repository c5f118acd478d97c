#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wquant/dtype.h"

namespace wquant {

/// The numbers of one tensor, exact until their dtype is known: a JSON file may tell it only after
/// them. What a double cannot stand for is kept as text besides.
class JsonNumbers {
 public:
  void add(double value, const std::string& text);
  void add(std::int64_t value);
  void add(std::uint64_t value);
  void add(bool value);

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  /// BOOL for true and false, F32 for numbers. Throws Error for a mixture.
  [[nodiscard]] Dtype default_dtype() const;
  /// Little-endian elements of `dtype`. Throws Error for a number that it does not hold.
  [[nodiscard]] std::vector<std::byte> to_bytes(Dtype dtype) const;

 private:
  struct Exact {
    std::size_t index;
    std::string text;
  };

  template <typename T, typename Convert>
  [[nodiscard]] std::vector<std::byte> convert(Convert&& number) const;
  template <typename T>
  [[nodiscard]] std::vector<std::byte> to_integers(Dtype dtype) const;
  [[nodiscard]] std::vector<std::byte> to_bools() const;
  [[nodiscard]] std::vector<std::byte> to_halves(Dtype dtype) const;

  std::vector<double> values_;
  std::vector<Exact> exact_;  ///< Ascending by index.
  std::size_t bools_ = 0;
};

}  // namespace wquant
