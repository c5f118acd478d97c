#include "formats/onnx_data.h"

#include <fmt/format.h>

#include <utility>

#include "formats/onnx_proto.h"

namespace wquant {
namespace {

constexpr std::uint64_t kSmall = 1024;  ///< Bytes that are not worth a place in another file.
constexpr std::uint64_t kAlignment = 64;

WireMessage entry(std::string_view key, std::string_view value) {
  return WireMessage().text(OnnxEntryField::kKey, key).text(OnnxEntryField::kValue, value);
}

}  // namespace

ByteRope OnnxData::tensor(const WireMessage& head, ByteRope&& data) {
  ByteRope tensor;
  tensor.add_text(head.bytes());
  if (location_.empty() || data.size() < kSmall) {
    tensor.add_message(OnnxTensorField::kRaw, std::move(data));
    return tensor;
  }
  file_.add_text(std::string((kAlignment - file_.size() % kAlignment) % kAlignment, '\0'));
  tensor.add_text(
      WireMessage()
          .message(OnnxTensorField::kExternal, entry("location", location_))
          .message(OnnxTensorField::kExternal, entry("offset", fmt::to_string(file_.size())))
          .message(OnnxTensorField::kExternal, entry("length", fmt::to_string(data.size())))
          .number(OnnxTensorField::kLocation, OnnxLocation::kExternal)
          .bytes());
  file_.add_rope(std::move(data));
  return tensor;
}

}  // namespace wquant
