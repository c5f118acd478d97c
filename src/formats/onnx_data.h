#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "formats/byte_rope.h"
#include "formats/wire.h"

namespace wquant {

/// Where the data of the tensors of a model go that is being put together: into the model itself,
/// or into a file beside it where the model would be larger than a protobuf message may be.
class OnnxData {
 public:
  /// `location` is the name of that file; empty: the data go into the model.
  explicit OnnxData(std::string location) : location_(std::move(location)) {}

  /// A TensorProto of what `head` says and the data.
  ByteRope tensor(const WireMessage& head, ByteRope&& data);

  /// What the file beside the model holds; empty when there is none.
  [[nodiscard]] const ByteRope& file() const { return file_; }
  ByteRope take_file() { return std::exchange(file_, {}); }

 private:
  std::string location_;
  ByteRope file_;
};

}  // namespace wquant
