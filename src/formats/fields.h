#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wquant/error.h"

namespace wquant {

/// Takes little-endian fields one after the other from bytes that may end too early; throws Error
/// with `problem` when they do.
class Fields {
 public:
  Fields(std::string_view bytes, std::string_view problem)
      : rest_(bytes), size_(bytes.size()), problem_(problem) {}

  std::string_view text(std::uint64_t size) {
    if (size > rest_.size()) throw Error(std::string(problem_), "get it again");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::uint64_t number(std::size_t size) {
    const std::string_view bytes = text(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  /// The bytes up to the next line feed, which is taken too.
  std::string_view line() {
    const std::string_view taken = text(rest_.find('\n'));
    text(1);
    return taken;
  }

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  /// Bytes taken so far.
  [[nodiscard]] std::size_t used() const { return size_ - rest_.size(); }

 private:
  std::string_view rest_;
  std::size_t size_;
  std::string_view problem_;
};

}  // namespace wquant
