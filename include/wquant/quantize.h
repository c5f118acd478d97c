#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wquant/balance.h"
#include "wquant/cells.h"
#include "wquant/model.h"
#include "wquant/report.h"
#include "wquant/settings.h"

namespace wquant {

/// One tensor of a plan.
struct PlannedTensor {
  TensorInfo info;
  bool quantized = false;
  std::string kept_reason;  ///< Set when not quantized.
  TensorSettings settings;  ///< Set when quantized.
  bool bits_given = false;  ///< A rule sets its bits, see Settings::rules.
  /// Index of the earlier tensor that it is tied to, see ModelReader::same_as(): nothing is stored
  /// of it but the name.
  std::optional<std::size_t> same_as;
  BalancePlan balance = {};    ///< Of a quantized tensor.
  CellPlan cells = {};         ///< Of a quantized tensor.
  Dtype levels = Dtype::kF32;  ///< That levels are stored as; F16 only where there are no scales.
  /// Whether a bit mask may tell which weights are 0, so that codes take less than planned.
  bool takes_mask = true;
  /// Bytes of all parts where codes are stored at their entropy or beside a mask, as far as known;
  /// unset: at most.
  std::optional<std::uint64_t> estimated_bytes = {};

  /// Whether its weights are stored themselves, see Coding::kF16. Throws nothing.
  [[nodiscard]] bool is_f16() const { return quantized && settings.coding == Coding::kF16; }
};

/// What is quantized and how: made from names, shapes and settings before a weight is read.
/// Entry i is tensor i of the reader.
struct Plan {
  std::vector<PlannedTensor> tensors;
};

/// Decides for every tensor. Throws Error (usage) for bad settings, a pattern that is no regular
/// expression or matches no tensor, tied tensors that differ, and what Settings::strict forbids.
/// With NonFinite::kKeep weights are scanned, and throws where reading fails; else none is read.
Plan make_plan(const ModelReader& model, const Settings& settings);

/// The stored parts of a tensor: its elements, kept or as F16, or what they are decoded from.
enum class Part : std::uint8_t { kData, kCodes, kLevels, kScales };

/// Whether a planned tensor has that part; one that is tied has none. Throws nothing.
bool has_part(const PlannedTensor& tensor, Part part);

/// Size in bytes of a part of a planned tensor; 0 for a part that it does not have. The codes and
/// levels of Coding::kEntropy, and codes beside a mask, have at most so many. Throws nothing.
std::uint64_t part_size(const PlannedTensor& tensor, Part part);

/// Bytes of all parts of a planned tensor, see PlannedTensor::estimated_bytes. Throws nothing.
std::uint64_t stored_size(const PlannedTensor& tensor);

/// Where quantize() puts what it makes. Ranges of a part may come in any order and from several
/// threads at once, each byte once since the last restart(). What a function throws ends the run.
class PartSink {
 public:
  PartSink() = default;
  PartSink(const PartSink&) = delete;
  PartSink& operator=(const PartSink&) = delete;
  virtual ~PartSink() = default;
  virtual void write(std::size_t tensor, Part part, std::uint64_t offset,
                     std::span<const std::byte> bytes) = 0;
  /// A part that may take less than part_size() has all of its bytes.
  virtual void end_part(std::size_t /*tensor*/, Part /*part*/, std::uint64_t /*size*/) {}
  /// What was written of a part is void: all of it will come again.
  virtual void restart(std::size_t /*tensor*/, Part /*part*/) {}
};

/// How a long run talks to its caller.
struct RunOptions {
  unsigned threads = 0;  ///< 0: as many as the machine has.
  /// Called now and then with the bytes of input done and in all; from one thread at a time.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  /// Set from outside (a signal handler) to stop; the run then throws Error (interrupted).
  const std::atomic<bool>* stop = nullptr;
  /// Most bytes of tensors in a file, for a format of several files; a larger tensor gets one.
  std::uint64_t shard_size = 5'000'000'000;
  bool pictures = false;  ///< Fill in TensorReport::picture.
};

/// Quantizes by the plan into the sink and reports, without what concerns files. Throws Error of a
/// tensor that is NaN or infinite or cannot be read, what the sink throws, and (interrupted).
Report quantize(const ModelReader& model, const Plan& plan, PartSink& sink,
                const RunOptions& options = {});

}  // namespace wquant
