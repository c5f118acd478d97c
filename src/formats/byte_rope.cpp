#include "formats/byte_rope.h"

#include <iterator>
#include <utility>

#include "formats/wire.h"

namespace wquant {

void ByteRope::add_text(std::string_view text) {
  if (text.empty()) return;
  size_ += text.size();
  if (!pieces_.empty() && !pieces_.back().text.empty()) {
    pieces_.back().text += text;
    pieces_.back().size += text.size();
    return;
  }
  pieces_.push_back({std::string(text), {}, kNoHole, text.size()});
}

void ByteRope::add_bytes(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    const bool follows = !last.bytes.empty() && last.bytes.data() + last.size == bytes.data();
    if (follows) {
      last.bytes = {last.bytes.data(), last.size + bytes.size()};
      last.size = last.bytes.size();
      return;
    }
  }
  pieces_.push_back({{}, bytes, kNoHole, bytes.size()});
}

void ByteRope::add_hole(std::size_t hole, std::uint64_t size) {
  if (size == 0) return;
  size_ += size;
  pieces_.push_back({{}, {}, hole, size});
}

void ByteRope::add_rope(ByteRope&& rope) {
  size_ += rope.size_;
  std::move(rope.pieces_.begin(), rope.pieces_.end(), std::back_inserter(pieces_));
  rope = {};
}

void ByteRope::add_message(std::uint32_t number, ByteRope&& rope) {
  add_text(wire_prefix(number, rope.size()));
  add_rope(std::move(rope));
}

}  // namespace wquant
