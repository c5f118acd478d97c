#pragma once

#include <utility>

#include "base/staged_work.h"
#include "quant/run_state.h"
#include "quant/tensor_steps.h"

namespace wquant {

/// Stages of the work on one tensor, which report their errors with its name.
class NamedWork : public StagedWork {
 public:
  NamedWork(const RunState& run, std::size_t index) : run_(run), index_(index) {}

  std::uint64_t begin_stage() final {
    return with_name(run_, index_, [&] { return begin(); });
  }
  void run_part(std::uint64_t part, unsigned worker) final {
    with_name(run_, index_, [&] { run(part, run_.scratch[worker]); });
  }
  void leave(unsigned worker) final { leave(run_.scratch[worker]); }
  void end_stage() final {
    with_name(run_, index_, [&] { end(); });
  }

 protected:
  virtual std::uint64_t begin() = 0;
  virtual void run(std::uint64_t part, Scratch& scratch) = 0;
  virtual void leave(Scratch& /*scratch*/) {}
  virtual void end() {}

  [[nodiscard]] const PlannedTensor& planned() const { return run_.plan.tensors[index_]; }
  [[nodiscard]] TensorReport& report() const { return run_.reports[index_]; }

  const RunState run_;
  const std::size_t index_;
};

/// Such work in one stage.
class NamedStage : public NamedWork {
 public:
  using NamedWork::NamedWork;

 protected:
  /// Starts it and returns the number of its parts.
  virtual std::uint64_t begin_parts() = 0;

 private:
  std::uint64_t begin() final { return std::exchange(begun_, true) ? 0 : begin_parts(); }

  bool begun_ = false;
};

}  // namespace wquant
