#pragma once

#include <cstdint>

#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {

/// Counts the bytes of a long run for RunOptions::progress and heeds RunOptions::stop. For one
/// thread.
class RunMeter {
 public:
  RunMeter(const RunOptions& options, std::uint64_t total) : options_(options), total_(total) {}

  /// Throws Error (interrupted) when the run was stopped.
  void add(std::uint64_t bytes) {
    if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) {
      throw Error("interrupted", {}, ErrorKind::kInterrupted);
    }
    done_ += bytes;
    if (options_.progress) options_.progress(done_, total_);
  }

 private:
  const RunOptions& options_;
  std::uint64_t done_ = 0, total_;
};

}  // namespace wquant
