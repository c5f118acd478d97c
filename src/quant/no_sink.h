#pragma once

#include "wquant/quantize.h"

namespace wquant {

/// Takes nothing, for a run that only reads.
class NoSink : public PartSink {
 public:
  void write(std::size_t /*tensor*/, Part /*part*/, std::uint64_t /*offset*/,
             std::span<const std::byte> /*bytes*/) override {}
};

}  // namespace wquant
