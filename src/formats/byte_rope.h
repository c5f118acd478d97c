#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// A long run of bytes put together from pieces before all of them are there: text of its own,
/// bytes that lie elsewhere, and holes that are known by their size and filled later.
class ByteRope {
 public:
  static constexpr std::size_t kNoHole = std::numeric_limits<std::size_t>::max();

  struct Piece {
    std::string text;                  ///< When not empty, the piece's bytes.
    std::span<const std::byte> bytes;  ///< Else these.
    std::size_t hole = kNoHole;        ///< Else the number of the hole.
    std::uint64_t size = 0;
  };

  void add_text(std::string_view text);
  /// `bytes` must live as long as the rope.
  void add_bytes(std::span<const std::byte> bytes);
  void add_hole(std::size_t hole, std::uint64_t size);
  void add_rope(ByteRope&& rope);
  /// Field `number` of a protobuf message with the rope as its payload.
  void add_message(std::uint32_t number, ByteRope&& rope);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

}  // namespace wquant
