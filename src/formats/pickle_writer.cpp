#include "formats/pickle_writer.h"

#include <utility>

namespace wquant {

PickleWriter::PickleWriter() : bytes_("\x80\x02") {}

void PickleWriter::global(std::string_view module, std::string_view name) {
  bytes_.append("c").append(module).append("\n").append(name).append("\n");
}

void PickleWriter::text(std::string_view text) {
  bytes_ += 'X';
  number(text.size(), 4);
  bytes_ += text;
}

void PickleWriter::integer(std::uint64_t value) {
  constexpr std::uint64_t kSmall = std::uint64_t{1} << 31;
  if (value < kSmall) {
    bytes_ += 'J';
    return number(value, 4);
  }
  bytes_ += '\x8a';
  number(sizeof value, 1);
  number(value, sizeof value);
}

void PickleWriter::boolean(bool value) { bytes_ += value ? '\x88' : '\x89'; }
void PickleWriter::mark() { bytes_ += '('; }
void PickleWriter::tuple() { bytes_ += 't'; }
void PickleWriter::call() { bytes_ += 'R'; }
void PickleWriter::set_entries() { bytes_ += 'u'; }
void PickleWriter::persistent() { bytes_ += 'Q'; }

std::string PickleWriter::finish() {
  bytes_ += '.';
  return std::move(bytes_);
}

void PickleWriter::number(std::uint64_t value, std::size_t size) {
  for (; size > 0; --size, value >>= 8) bytes_ += static_cast<char>(value & 0xFF);
}

}  // namespace wquant
