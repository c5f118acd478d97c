#pragma once

#include <cstdint>
#include <vector>

#include "base/meter.h"
#include "quant/family.h"
#include "quant/key_table.h"
#include "wquant/quantize.h"

namespace wquant {

/// Memory of one thread.
struct Scratch {
  KeyTable table;
  std::vector<float> block;
  std::vector<float> weights;
  std::vector<std::uint8_t> packed;
};

/// What all threads of a run share.
struct RunState {
  const ModelReader& model;
  const Plan& plan;
  PartSink& sink;
  Meter& meter;
  SearchEffort effort;
  std::vector<Scratch>& scratch;       ///< By thread.
  std::vector<TensorReport>& reports;  ///< By tensor.
  bool pictures = false;               ///< Whether reports have them.
};

}  // namespace wquant
