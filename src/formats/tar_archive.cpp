#include "formats/tar_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>

#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::size_t kBlock = 512;

/// A field of a member's header.
struct Place {
  std::size_t begin, size;
};
constexpr Place kName = {0, 100}, kSize = {124, 12}, kChecksum = {148, 8}, kType = {156, 1},
                kMagic = {257, 5}, kPrefix = {345, 155};

/// Bytes of a block up to the first zero.
std::string_view text_at(std::string_view block, Place place) {
  const std::string_view field = block.substr(place.begin, place.size);
  return field.substr(0, field.find('\0'));
}

/// An octal number between spaces.
std::optional<std::uint64_t> number_at(std::string_view block, Place place) {
  std::string_view digits = text_at(block, place);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  digits = digits.substr(0, digits.find(' '));
  std::uint64_t value = 0;
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// The sum of the block's bytes with spaces for the sum itself.
std::uint64_t sum_of(std::string_view block) {
  const auto add = [](std::uint64_t sum, char c) { return sum + static_cast<unsigned char>(c); };
  const std::string_view own = block.substr(kChecksum.begin, kChecksum.size);
  return std::accumulate(block.begin(), block.end(), std::uint64_t{' ' * kChecksum.size}, add) -
         std::accumulate(own.begin(), own.end(), std::uint64_t{0}, add);
}

bool is_header(std::string_view block) {
  return block.size() == kBlock && text_at(block, kMagic) == "ustar" &&
         number_at(block, kChecksum) == sum_of(block);
}

bool is_end(std::string_view block) { return block.find_first_not_of('\0') == block.npos; }

std::string name_of(std::string_view block) {
  const std::string_view prefix = text_at(block, kPrefix), name = text_at(block, kName);
  return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
}

/// Takes members one after the other.
class Walk {
 public:
  explicit Walk(std::span<const std::byte> file)
      : rest_(reinterpret_cast<const char*>(file.data()), file.size()) {}

  TarMembers run() {
    while (!rest_.empty() && !is_end(rest_.substr(0, kBlock))) add_member();
    return std::move(members_);
  }

 private:
  void add_member() {
    const std::string_view header = take(kBlock);
    const std::optional<std::uint64_t> size = number_at(header, kSize);
    if (!is_header(header) || !size) throw Error("holds a damaged header", "get it again");
    const std::string_view contents = take(*size);
    take(std::min(rest_.size(), (kBlock - *size % kBlock) % kBlock));
    add(header, contents);
  }

  void add(std::string_view header, std::string_view contents) {
    const char type = header[kType.begin];
    if (type == 'x' || type == 'g') return check_extra(contents);
    if (type != '0' && type != '\0') return;  // Folders, links and the like hold nothing.
    const std::string name = name_of(header);
    if (!members_.emplace(name, std::as_bytes(std::span(contents))).second) {
      throw Error(fmt::format("holds two members {}", printable(name)));
    }
  }

  /// What a pax header says of the next member: times, mostly. Names and sizes are wanted as plain
  /// headers have them.
  static void check_extra(std::string_view records) {
    for (const std::string_view key : {" size=", " path="}) {
      if (records.find(key) == std::string_view::npos) continue;
      throw Error(fmt::format("has a pax header with{}", key),
                  "save it again with a newer PyTorch");
    }
  }

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) throw Error("is cut off", "get it again");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  TarMembers members_;
};

}  // namespace

TarMembers read_tar(std::span<const std::byte> file) { return Walk(file).run(); }

bool is_tar(std::string_view head) { return is_header(head.substr(0, kBlock)); }

}  // namespace wquant
