#include "wquant/compare.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/float_environment.h"
#include "base/staged_work.h"
#include "quant/cell_scales.h"
#include "quant/code_statistics.h"
#include "quant/family.h"
#include "quant/half_work.h"
#include "quant/named_work.h"
#include "quant/no_sink.h"
#include "quant/slab_counts.h"
#include "quant/stepped_levels.h"
#include "quant/tensor_steps.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

/// Levels with a scale each are near least squares before they are rescaled.
double rescaled_error(double rho, Rescale rescale) {
  return rescale == Rescale::kVariance ? 2 * (1 - rho) : 1 - rho * rho;
}

/// One tensor in all plans: its weights are counted by all threads, then every setting is a part of
/// its own.
class CompareWork : public NamedWork {
 public:
  /// Fills entry `place` of the tensors of every setting.
  CompareWork(const RunState& run, std::size_t index, std::span<const Plan> plans,
              std::vector<ComparedSetting>& settings, std::size_t place)
      : NamedWork(run, index), plans_(plans), settings_(settings), place_(place) {}

 private:
  enum class Stage { kNone, kCount, kFit };

  std::uint64_t begin() override {
    if (stage_ == Stage::kFit) return 0;
    if (stage_ == Stage::kCount) {
      stage_ = Stage::kFit;
      return firsts_.size();
    }
    stage_ = Stage::kCount;
    list_different();
    if (is_large()) counts_.emplace(run_, index_);
    return is_large() ? slab_count(planned().info.count()) : 1;
  }

  void run(std::uint64_t part, Scratch& scratch) override {
    if (stage_ == Stage::kFit) {
      const std::size_t plan = firsts_[part];
      result(plan) = compared(plans_[plan].tensors[index_]);
    } else if (counts_) {
      counts_->count(part, scratch);
    } else {
      weights_ = read_distribution(run_, index_, scratch);
    }
  }

  void leave(Scratch& scratch) override {
    if (stage_ == Stage::kCount && counts_) counts_->leave(scratch);
  }

  void end() override {
    if (stage_ == Stage::kCount) {
      if (counts_) weights_ = counts_->distribution();
      return;
    }
    for (std::size_t plan = 0; plan < plans_.size(); ++plan) result(plan) = result(same_as_[plan]);
    release(run_.model, index_, {0, planned().info.count()});
  }

  [[nodiscard]] bool is_large() const { return planned().info.count() > kSlab; }
  [[nodiscard]] ComparedTensor& result(std::size_t plan) const {
    return settings_[plan].tensors[place_];
  }

  /// Plans may have the same settings for this tensor.
  void list_different() {
    for (std::size_t plan = 0; plan < plans_.size(); ++plan) {
      const auto alike = std::ranges::find_if(firsts_, [&](std::size_t first) {
        const PlannedTensor& one = plans_[first].tensors[index_];
        const PlannedTensor& other = plans_[plan].tensors[index_];
        return one.settings == other.settings && one.levels == other.levels;
      });
      same_as_.push_back(alike == firsts_.end() ? plan : *alike);
      if (alike == firsts_.end()) firsts_.push_back(plan);
    }
  }

  [[nodiscard]] ComparedTensor compared(const PlannedTensor& tried) const {
    const bool coded = tried.settings.coding == Coding::kEntropy;
    if (tried.settings.coding == Coding::kF16) return as_halves(tried);
    if (!tried.cells.has_scales()) return coded ? with_steps(tried) : with_levels(tried);
    return coded ? with_steps_and_scales(tried) : with_scales(tried);
  }

  [[nodiscard]] Codebook fitted(const PlannedTensor& tried) const {
    return fit_codebook(weights_, tried.settings, zero_form(weights_, tried), run_.effort);
  }

  [[nodiscard]] bool keeps_zeros(const PlannedTensor& tried) const {
    return zero_form(weights_, tried) != ZeroForm::kNone;
  }

  [[nodiscard]] ComparedTensor with_levels(const PlannedTensor& tried) const {
    Codebook book = fitted(tried);
    if (tried.levels == Dtype::kF16) round_levels(weights_, book);
    return figures(tried, book);
  }

  [[nodiscard]] ComparedTensor as_halves(const PlannedTensor& tried) const {
    const std::optional<double> error = half_error(tried.info.dtype, weights_);
    if (!error) refuse_beyond_half();
    return {tried.settings, std::sqrt(1 - *error), *error, stored_size(tried)};
  }

  [[nodiscard]] ComparedTensor with_steps(const PlannedTensor& tried) const {
    const Codebook book = fitted(tried);
    ComparedTensor tensor = figures(tried, book);
    tensor.bytes = stepped_choice(weights_, book.x0, keeps_zeros(tried)).bytes;
    tensor.estimated = true;
    return tensor;
  }

  [[nodiscard]] ComparedTensor figures(const PlannedTensor& tried, const Codebook& book) const {
    const double error = code_statistics(weights_, book).squared_error / weights_.count();
    return {tried.settings, book.rho, weights_.variance() > 0 ? error / weights_.variance() : 0,
            stored_size(tried, weights_, book), book.masked_code.has_value()};
  }

  [[nodiscard]] ComparedTensor with_scales(const PlannedTensor& tried) const {
    const CellCodebook found = fit_cells(run_.model, index_, tried, sampled_cells(run_.effort));
    ComparedTensor tensor =
        scaled_figures(tried, found.error, stored_size(tried, found.weights, found.book));
    tensor.estimated = found.book.masked_code.has_value();
    return tensor;
  }

  [[nodiscard]] ComparedTensor with_steps_and_scales(const PlannedTensor& tried) const {
    const Distribution units = unit_distribution(run_.model, index_, tried.cells, kSampledWeights);
    const SteppedChoice choice =
        stepped_choice(units, step_of(units, tried.settings), keeps_zeros(tried));
    const double codes = weights_.count() / units.count() * static_cast<double>(choice.bytes);
    ComparedTensor tensor = scaled_figures(
        tried, choice.error, static_cast<std::uint64_t>(codes) + part_size(tried, Part::kScales));
    tensor.estimated = true;
    return tensor;
  }

  /// `error` is the share of the variance that is lost.
  static ComparedTensor scaled_figures(const PlannedTensor& tried, double error,
                                       std::uint64_t bytes) {
    const double rho = std::sqrt(std::max(0.0, 1 - error));
    return {tried.settings, rho, rescaled_error(rho, tried.settings.rescale), bytes};
  }

  const std::span<const Plan> plans_;
  std::vector<ComparedSetting>& settings_;
  const std::size_t place_;
  Stage stage_ = Stage::kNone;
  std::vector<std::size_t> firsts_;   // Plans with settings that none before has.
  std::vector<std::size_t> same_as_;  // By plan: the first with its settings.
  std::optional<SlabCounts> counts_;
  Distribution weights_;
};

/// Indices of the tensors that are compared.
std::vector<std::size_t> compared_tensors(const Plan& plan) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (plan.tensors[i].quantized && !plan.tensors[i].same_as) indices.push_back(i);
  }
  return indices;
}

double mean(const std::vector<ComparedTensor>& tensors, double ComparedTensor::*figure,
            double none) {
  if (tensors.empty()) return none;
  const double sum =
      std::accumulate(tensors.begin(), tensors.end(), 0.0,
                      [&](double all, const ComparedTensor& one) { return all + one.*figure; });
  return sum / static_cast<double>(tensors.size());
}

}  // namespace

double ComparedSetting::mean_rho() const { return mean(tensors, &ComparedTensor::rho, 1); }

double ComparedSetting::mean_relative_error() const {
  return mean(tensors, &ComparedTensor::relative_error, 0);
}

std::optional<std::size_t> ComparedSetting::lowest() const {
  if (tensors.empty()) return {};
  const auto lowest = std::ranges::min_element(tensors, {}, &ComparedTensor::rho);
  return static_cast<std::size_t>(lowest - tensors.begin());
}

Comparison begin_comparison(const ModelReader& model, const Plan& plan) {
  Comparison comparison;
  for (const std::size_t index : compared_tensors(plan)) {
    comparison.tensors.push_back(model.tensors()[index]);
  }
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.same_as) continue;
    comparison.weights += tensor.info.count();
    comparison.bytes += tensor.info.bytes();
  }
  return comparison;
}

Comparison compare(const ModelReader& model, std::span<const Plan> plans,
                   const RunOptions& options) {
  const FloatEnvironment environment;
  const Plan& plan = plans.front();
  Comparison comparison = begin_comparison(model, plan);
  const std::vector<std::size_t> indices = compared_tensors(plan);
  comparison.settings.resize(plans.size());
  for (ComparedSetting& setting : comparison.settings) setting.tensors.resize(indices.size());
  NoSink sink;
  std::uint64_t total = 0;
  for (const TensorInfo& tensor : comparison.tensors) total += tensor.bytes();
  Meter meter(options, total);
  const unsigned threads = thread_count(options.threads);
  std::vector<Scratch> scratch(threads);
  std::vector<TensorReport> reports;
  // As much as quantizing takes, so that the figures are the same.
  const RunState run{model,   plan,   sink, meter, SearchEffort::for_tensors(indices.size()),
                     scratch, reports};
  std::size_t next = 0;
  run_staged(threads, [&]() -> std::unique_ptr<StagedWork> {
    if (next == indices.size()) return nullptr;
    const std::size_t place = next++;
    return std::make_unique<CompareWork>(run, indices[place], plans, comparison.settings, place);
  });
  for (ComparedSetting& setting : comparison.settings) {
    setting.file_bytes_known = std::ranges::none_of(setting.tensors, &ComparedTensor::estimated);
  }
  return comparison;
}

}  // namespace wquant
