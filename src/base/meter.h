#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {

/// Counts the bytes that the threads of a run have done, for RunOptions::progress, and heeds
/// RunOptions::stop.
class Meter {
 public:
  Meter(const RunOptions& options, std::uint64_t total) : options_(options), total_(total) {}

  /// Throws Error (interrupted) when the run was stopped.
  void add(std::uint64_t bytes) {
    if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) {
      throw Error("interrupted", {}, ErrorKind::kInterrupted);
    }
    done_ += bytes;
    if (!options_.progress) return;
    // Who finds the lock taken leaves the telling to the other.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock) options_.progress(done_, total_);
  }

 private:
  const RunOptions& options_;
  const std::uint64_t total_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
};

}  // namespace wquant
