#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wquant {

/// Writes a pickle of protocol 2, opcode by opcode.
class PickleWriter {
 public:
  PickleWriter();

  void global(std::string_view module, std::string_view name);
  void text(std::string_view text);
  void integer(std::uint64_t value);  ///< Less than 2^63.
  void boolean(bool value);
  void mark();
  void tuple();        ///< Of what follows the last mark.
  void call();         ///< Of a global with a tuple of arguments.
  void set_entries();  ///< Keys and values after the last mark, on what lies before it.
  void persistent();   ///< What a tuple tells of lies outside.

  /// The whole pickle; to be called once.
  std::string finish();

 private:
  void number(std::uint64_t value, std::size_t size);

  std::string bytes_;
};

}  // namespace wquant
