#include "wquant/quantize.h"

#include <algorithm>

#include "base/float_environment.h"
#include "base/staged_work.h"
#include "quant/cell_work.h"
#include "quant/coding_sink.h"
#include "quant/half_work.h"
#include "quant/shared_tensor.h"
#include "quant/tensor_steps.h"

namespace wquant {
namespace {

/// Tensors of one slab or less go together into batches of at most so many bytes and tensors, each
/// for one thread.
constexpr std::uint64_t kBatchBytes = kCopySlab;
constexpr std::size_t kBatchTensors = 64;

/// How often a tensor is read.
std::uint64_t passes(const PlannedTensor& tensor) {
  if (!tensor.quantized || tensor.is_f16() || tensor.cells.has_scales()) return 1;
  const bool gathers = tensor.settings.search == SearchRule::kExact && tensor.info.count() > kSlab;
  return gathers ? 3 : 2;
}

std::uint64_t total_work(const Plan& plan) {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (!tensor.same_as) total += tensor.info.bytes() * passes(tensor);
  }
  return total;
}

std::size_t count_quantized(const Plan& plan) {
  return static_cast<std::size_t>(std::count_if(
      plan.tensors.begin(), plan.tensors.end(),
      [](const PlannedTensor& tensor) { return tensor.quantized && !tensor.same_as; }));
}

/// A tied tensor became what the one became that it is tied to.
void report_tied(const Plan& plan, std::vector<TensorReport>& reports) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const PlannedTensor& planned = plan.tensors[i];
    if (!planned.same_as) continue;
    reports[i] = reports[*planned.same_as];
    reports[i].same_as = reports[i].info.name;
    reports[i].info = planned.info;
    reports[i].bytes = 0;
  }
}

/// The work on a tensor, for any number of threads.
std::unique_ptr<StagedWork> work_on(const RunState& run, std::size_t index) {
  const PlannedTensor& tensor = run.plan.tensors[index];
  if (!tensor.quantized) return copy_shared(run, index);
  if (tensor.is_f16()) return quantize_to_halves(run, index);
  return tensor.cells.has_scales() ? quantize_cells(run, index) : quantize_shared(run, index);
}

/// Tensors [begin, end), one after the other.
class BatchWork : public StagedWork {
 public:
  BatchWork(const RunState& run, std::size_t begin, std::size_t end)
      : run_(run), begin_(begin), end_(end) {}

  std::uint64_t begin_stage() override { return done_ ? 0 : 1; }
  void run_part(std::uint64_t /*part*/, unsigned worker) override {
    for (std::size_t i = begin_; i < end_; ++i) {
      const PlannedTensor& tensor = run_.plan.tensors[i];
      if (tensor.same_as) continue;
      if (tensor.is_f16() || tensor.cells.has_scales()) {
        run_here(*work_on(run_, i), worker);
      } else {
        process_tensor(run_, i, run_.scratch[worker]);
      }
    }
  }
  void leave(unsigned /*worker*/) override {}
  void end_stage() override { done_ = true; }

 private:
  const RunState run_;
  const std::size_t begin_, end_;
  bool done_ = false;
};

/// Cuts the plan into pieces of work, in order.
class Cutter {
 public:
  explicit Cutter(const RunState& run) : run_(run) {}

  std::unique_ptr<StagedWork> next() {
    const auto& tensors = run_.plan.tensors;
    if (at_ == tensors.size()) return nullptr;
    if (is_large(tensors[at_])) return work_on(run_, at_++);
    const std::size_t begin = at_;
    std::uint64_t bytes = 0;
    while (at_ < tensors.size() && !is_large(tensors[at_]) && at_ - begin < kBatchTensors &&
           bytes < kBatchBytes) {
      bytes += tensors[at_].same_as ? 0 : tensors[at_].info.bytes();
      ++at_;
    }
    return std::make_unique<BatchWork>(run_, begin, at_);
  }

 private:
  static bool is_large(const PlannedTensor& tensor) {
    if (tensor.same_as) return false;
    return tensor.quantized ? tensor.info.count() > kSlab : tensor.info.bytes() > kCopySlab;
  }

  const RunState& run_;
  std::size_t at_ = 0;
};

}  // namespace

Report quantize(const ModelReader& model, const Plan& plan, PartSink& sink,
                const RunOptions& options) {
  const FloatEnvironment environment;
  Report report;
  report.tensors.resize(plan.tensors.size());
  Meter meter(options, total_work(plan));
  const unsigned threads = thread_count(options.threads);
  std::vector<Scratch> scratch(threads);
  CodingSink coding(plan, report.tensors, sink);
  const SearchEffort effort = SearchEffort::for_tensors(count_quantized(plan));
  const RunState run{model, plan, coding, meter, effort, scratch, report.tensors, options.pictures};
  Cutter cutter(run);
  run_staged(threads, [&cutter] { return cutter.next(); });
  coding.report_sizes(report.tensors);
  report_tied(plan, report.tensors);
  return report;
}

}  // namespace wquant
