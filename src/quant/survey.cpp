#include <algorithm>
#include <cmath>
#include <optional>

#include "base/float_environment.h"
#include "base/staged_work.h"
#include "quant/cell_scales.h"
#include "quant/code_statistics.h"
#include "quant/family.h"
#include "quant/half_work.h"
#include "quant/no_sink.h"
#include "quant/stepped_levels.h"
#include "quant/tensor_steps.h"
#include "quant/zero_level.h"
#include "wquant/budget.h"

namespace wquant {
namespace {

/// Choices of a tensor of most families.
constexpr std::size_t kChoices = 8;

/// F16 levels may add so much to the error, as a share of it.
constexpr double kHalfLevelsCost = 1e-3;

/// One tensor in all variants, for one thread.
class SurveyWork : public StagedWork {
 public:
  SurveyWork(const RunState& run, std::span<const Plan> variants, LevelDtypes levels,
             std::size_t index, Ladder& ladder)
      : run_(run), variants_(variants), levels_(levels), index_(index), ladder_(ladder) {}

  std::uint64_t begin_stage() override { return done_ ? 0 : 1; }
  void run_part(std::uint64_t /*part*/, unsigned worker) override {
    with_name(run_, index_, [&] { fill(run_.scratch[worker]); });
  }
  void leave(unsigned /*worker*/) override {}
  void end_stage() override { done_ = true; }

 private:
  void fill(Scratch& scratch) {
    const Distribution weights = read_distribution(run_, index_, scratch);
    for (std::size_t variant = 0; variant < variants_.size(); ++variant) add(variant, weights);
    release(run_.model, index_, {0, planned(0).info.count()});
    sort(ladder_);
  }

  [[nodiscard]] const PlannedTensor& planned(std::size_t variant) const {
    return variants_[variant].tensors[index_];
  }

  void add(std::size_t variant, const Distribution& weights) {
    PlannedTensor tried = planned(variant);
    if (tried.settings.coding == Coding::kEntropy) return add_steps(variant, weights);
    if (tried.settings.coding == Coding::kF16) return add_halves(variant, weights);
    const FamilyInfo& family = find_family(tried.settings.mode).info;
    for (int bits = family.min_bits; bits <= family.max_bits; ++bits) {
      if (tried.bits_given && bits != planned(variant).settings.bits) continue;
      // One bit would lose the zeros, which nobody asked for.
      const bool loses_zeros = bits == 1 && keeps_zeros(weights, tried.settings);
      if (loses_zeros && family.max_bits > 1 && !tried.bits_given) continue;
      tried.settings.bits = bits;
      ladder_.push_back(choice_of(tried, variant, weights));
    }
  }

  /// The weights themselves, unless a rule says how they are quantized.
  void add_halves(std::size_t variant, const Distribution& weights) {
    const PlannedTensor& tried = planned(variant);
    TensorSettings plain;
    wquant::apply(plain, "coding=f16");
    plain.weight = tried.settings.weight;
    plain.axis = tried.settings.axis;
    const std::optional<double> error = half_error(tried.info.dtype, weights);
    if (!error || tried.bits_given || tried.settings != plain) return;
    ladder_.push_back({0, stored_size(tried), *error, tried.settings.weight, variant});
  }

  /// The steps of codes that are stored at their entropy.
  void add_steps(std::size_t variant, const Distribution& weights) {
    const PlannedTensor& tried = planned(variant);
    const bool has_scales = tried.cells.has_scales();
    const Distribution units =
        has_scales ? unit_distribution(run_.model, index_, tried.cells, kSampledWeights)
                   : Distribution();
    const Distribution& coded = has_scales ? units : weights;
    const bool keeps = zero_form(weights, tried) != ZeroForm::kNone;
    const std::vector<SteppedChoice> choices =
        tried.bits_given ? std::vector{stepped_choice(coded, step_of(coded, tried.settings), keeps)}
                         : stepped_choices(coded, keeps);
    const double share = weights.count() / coded.count();
    for (const SteppedChoice& choice : choices) {
      const auto codes = static_cast<std::uint64_t>(share * static_cast<double>(choice.bytes));
      ladder_.push_back({0, codes + part_size(tried, Part::kScales), choice.error,
                         tried.settings.weight, variant, choice.step});
    }
  }

  /// With levels of F16 where these are as good.
  [[nodiscard]] Choice choice_of(PlannedTensor tried, std::size_t variant,
                                 const Distribution& weights) const {
    const TensorSettings& settings = tried.settings;
    Choice choice = {settings.bits, stored_size(tried), 0, settings.weight, variant};
    if (tried.cells.has_scales()) {
      const CellCodebook fitted = fit_cells(run_.model, index_, tried, sampled_cells(run_.effort));
      choice.error = fitted.error;
      choice.estimated = fitted.book.masked_code.has_value();
      choice.bytes = stored_size(tried, fitted.weights, fitted.book);
      return choice;
    }
    Codebook codebook = fit_codebook(weights, settings, zero_form(weights, tried), run_.effort);
    choice.error = 1 - codebook.rho * codebook.rho;
    choice.estimated = codebook.masked_code.has_value();
    choice.bytes = stored_size(tried, weights, codebook);
    if (levels_ == LevelDtypes::kF32) return choice;
    round_levels(weights, codebook);
    const double rounded = 1 - codebook.rho * codebook.rho;
    if (!(rounded <= (1 + kHalfLevelsCost) * choice.error)) return choice;
    tried.levels = choice.levels = Dtype::kF16;
    choice.error = rounded;
    choice.bytes = stored_size(tried, weights, codebook);
    return choice;
  }

  const RunState run_;
  const std::span<const Plan> variants_;
  const LevelDtypes levels_;
  const std::size_t index_;
  Ladder& ladder_;
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

std::vector<Ladder> survey(const ModelReader& model, std::span<const Plan> variants,
                           LevelDtypes levels, const RunOptions& options) {
  const FloatEnvironment environment;
  const Plan& plan = variants.front();
  std::vector<Ladder> ladders(plan.tensors.size());
  NoSink sink;
  Meter meter(options, surveyed_bytes(plan));
  const unsigned threads = thread_count(options.threads);
  std::vector<Scratch> scratch(threads);
  std::vector<TensorReport> reports;
  const SearchEffort effort =
      SearchEffort::for_tensors(plan.tensors.size() * kChoices * variants.size());
  const RunState run{model, plan, sink, meter, effort, scratch, reports};
  std::size_t next = 0;
  run_staged(threads, [&]() -> std::unique_ptr<StagedWork> {
    while (next < ladders.size() && !is_surveyed(plan.tensors[next])) ++next;
    if (next == ladders.size()) return nullptr;
    const std::size_t index = next++;
    return std::make_unique<SurveyWork>(run, variants, levels, index, ladders[index]);
  });
  return ladders;
}

}  // namespace wquant
