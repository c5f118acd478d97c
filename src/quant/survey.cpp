#include <algorithm>
#include <cmath>

#include "base/staged_work.h"
#include "quant/family.h"
#include "quant/tensor_steps.h"
#include "wquant/budget.h"

namespace wquant {
namespace {

/// Choices of a tensor of most families.
constexpr std::size_t kChoices = 8;

/// Takes nothing: a survey only reads.
class NoSink : public PartSink {
 public:
  void write(std::size_t /*tensor*/, Part /*part*/, std::uint64_t /*offset*/,
             std::span<const std::byte> /*bytes*/) override {}
};

BitLadder ladder_of(const PlannedTensor& planned, const Distribution& weights,
                    SearchEffort effort) {
  const FamilyInfo& family = find_family(planned.settings.mode).info;
  BitLadder ladder;
  PlannedTensor tried = planned;
  for (int bits = family.min_bits; bits <= family.max_bits; ++bits) {
    if (planned.bits_given && bits != planned.settings.bits) continue;
    tried.settings.bits = bits;
    const double rho = fit_codebook(weights, tried.settings, effort).rho;
    ladder.push_back({bits, stored_size(tried), 1 - rho * rho});
  }
  return ladder;
}

/// One tensor, for one thread.
class SurveyWork : public StagedWork {
 public:
  SurveyWork(const RunState& run, std::size_t index, BitLadder& ladder)
      : run_(run), index_(index), ladder_(ladder) {}

  std::uint64_t begin_stage() override { return done_ ? 0 : 1; }
  void run_part(std::uint64_t /*part*/, unsigned worker) override {
    const PlannedTensor& planned = run_.plan.tensors[index_];
    with_name(run_, index_, [&] {
      const Distribution weights = read_distribution(run_, index_, run_.scratch[worker]);
      release(run_.model, index_, {0, planned.info.count()});
      ladder_ = ladder_of(planned, weights, run_.effort);
    });
  }
  void leave(unsigned /*worker*/) override {}
  void end_stage() override { done_ = true; }

 private:
  const RunState run_;
  const std::size_t index_;
  BitLadder& ladder_;
  bool done_ = false;
};

bool is_surveyed(const PlannedTensor& tensor) { return tensor.quantized && !tensor.same_as; }

std::uint64_t surveyed_bytes(const Plan& plan) {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (is_surveyed(tensor)) total += tensor.info.bytes();
  }
  return total;
}

}  // namespace

std::vector<BitLadder> survey_bits(const ModelReader& model, const Plan& plan,
                                   const RunOptions& options) {
  std::vector<BitLadder> ladders(plan.tensors.size());
  NoSink sink;
  Meter meter(options, surveyed_bytes(plan));
  const unsigned threads = thread_count(options.threads);
  std::vector<Scratch> scratch(threads);
  std::vector<TensorReport> reports;
  const SearchEffort effort = SearchEffort::for_tensors(plan.tensors.size() * kChoices);
  const RunState run{model, plan, sink, meter, effort, scratch, reports};
  std::size_t next = 0;
  run_staged(threads, [&]() -> std::unique_ptr<StagedWork> {
    while (next < ladders.size() && !is_surveyed(plan.tensors[next])) ++next;
    if (next == ladders.size()) return nullptr;
    const std::size_t index = next++;
    return std::make_unique<SurveyWork>(run, index, ladders[index]);
  });
  return ladders;
}

}  // namespace wquant
