#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace wquant {

/// Work that several threads share: its stages come one after the other, the parts of a stage in
/// any order and at the same time.
class StagedWork {
 public:
  StagedWork() = default;
  StagedWork(const StagedWork&) = delete;
  StagedWork& operator=(const StagedWork&) = delete;
  virtual ~StagedWork() = default;

  /// Starts the next stage and returns the number of its parts; 0 when no stage is left.
  virtual std::uint64_t begin_stage() = 0;
  /// Runs one part; `worker` is the number of the calling thread, from 0 on.
  virtual void run_part(std::uint64_t part, unsigned worker) = 0;
  /// The calling thread has run its last part of the stage.
  virtual void leave(unsigned worker) = 0;
  /// All parts of the stage have been run and all threads have left.
  virtual void end_stage() = 0;
};

/// Runs all of a piece of work in the calling thread, which is number `worker`.
void run_here(StagedWork& work, unsigned worker);

/// Number of threads for a wish, where 0 stands for as many as the machine has.
unsigned thread_count(unsigned wish);

/// Runs pieces of work until `next` returns none, on that many threads, the calling one included.
/// `next` is called by one thread at a time. A thread that finds nothing to do in the earliest
/// piece turns to a later one. When something throws, no later piece is begun, those before it are
/// completed, and the exception of the earliest one leaves: the same for any number of threads.
void run_staged(unsigned threads, const std::function<std::unique_ptr<StagedWork>()>& next);

}  // namespace wquant
