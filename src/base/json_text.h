#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wquant {

/// What becomes of bytes that are not UTF-8.
enum class BadUtf8 {
  kRefuse,   ///< Error.
  kReplace,  ///< They are written as U+FFFD.
};

/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text, BadUtf8 bad = BadUtf8::kRefuse);

/// Appends the shortest number that reads as `value`, with a point or an exponent; null for what is
/// not finite.
void append_json_number(std::string& out, double value);

/// Writes JSON as it goes, two-space indented, without a tree of it in memory. Bytes of strings
/// that are not UTF-8 become U+FFFD.
class JsonWriter {
 public:
  /// `size` is about the length of what will be written.
  explicit JsonWriter(std::size_t size = 0) { text_.reserve(size); }

  /// A value of an array, or the whole.
  void open_object() { open('{'); }
  void close_object() { close('}'); }

  /// Members of the object that is open.
  void open_object(std::string_view key) { name(key), open('{'); }
  void open_array(std::string_view key) { name(key), open('['); }
  void close_array() { close(']'); }
  template <typename T>
  void member(std::string_view key, const T& value) {
    name(key);
    write(value);
  }
  void array(std::string_view key, std::span<const std::uint64_t> values);

  /// What was written, ending in a newline.
  std::string take();

 private:
  void begin_value();
  void name(std::string_view key);
  void open(char bracket);
  void close(char bracket);

  void write(std::string_view text) { append_json_string(text_, text, BadUtf8::kReplace); }
  void write(double value) { append_json_number(text_, value); }
  void write(std::nullptr_t /*null*/) { text_ += "null"; }
  template <std::integral T>
  void write(T value) {
    if constexpr (std::same_as<T, bool>) {
      text_ += value ? "true" : "false";
    } else {
      text_ += std::to_string(value);
    }
  }
  template <typename T>
  void write(const std::optional<T>& value) {
    if (value) {
      write(*value);
    } else {
      write(nullptr);
    }
  }

  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true;   ///< Nothing stands in the innermost bracket yet.
  bool named_ = false;  ///< A key was written, its value is due.
};

}  // namespace wquant
