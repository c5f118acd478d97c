#include "pruning_section.h"

#include <fmt/format.h>

#include <array>
#include <deque>
#include <optional>

#include "chart.h"
#include "fingerprint_training.h"
#include "markdown.h"
#include "memory_model.h"
#include "sample_files.h"

namespace wquant::papers {
namespace {

using sample::Network;

constexpr int kSteps = 9;
constexpr double kShare = 0.1;                 ///< Of all weights, a step.
constexpr std::array kFactors = {0.9F, 1.1F};  ///< That targets are perturbed with.

struct Line {
  const char* name;
  std::optional<PruneMethod> method;
};
constexpr std::array kLines = {
    Line{"reductive", PruneMethod::kReductive}, Line{"magnitude", PruneMethod::kMagnitude},
    Line{"random", PruneMethod::kRandom}, Line{"unpruned", std::nullopt}};

/// A network as a model that can be read.
struct NetworkModel : MemoryModel {
  explicit NetworkModel(const Network& network) { sample::fill(*this, network); }
};

/// A regression on its way: what is left, where the last training began and what it made.
class Steps {
 public:
  explicit Steps(std::uint64_t seed)
      : seed_(seed),
        task_(sample::draw_task(seed)),
        start_(sample::first_network(task_.training, seed)),
        mask_(sample::whole(start_)) {
    train();
  }

  [[nodiscard]] double loss() const { return sample::loss(control_, task_.test); }

  /// Removes the share and trains again.
  void prune(PruneMethod method) {
    const NetworkModel control(control_);
    std::deque<NetworkModel> perturbed;
    if (method == PruneMethod::kReductive) train_perturbed(perturbed);
    PruneFold fold{&control, {}};
    for (const NetworkModel& model : perturbed) fold.perturbed.push_back(&model);
    const Plan plan = make_plan(control, {});
    const std::uint64_t count = share_of(kShare, prunable_weights(plan));
    const Pruned pruned = wquant::prune({&fold, 1}, plan, {method, count, seed_});
    mask_ = sample::read_mask(*pruned.mask, std::move(mask_));
    go_on(*pruned.model);
  }
  /// Trains again.
  void go_on() { go_on(NetworkModel(control_)); }

 private:
  void go_on(const ModelReader& from) {
    sample::read_network(from, start_);
    train();
  }
  void train() {
    control_ = start_;
    sample::train(control_, mask_, task_.training);
  }
  void train_perturbed(std::deque<NetworkModel>& models) const {
    for (const float factor : kFactors) {
      sample::Compounds compounds = task_.training;
      compounds.target *= factor;
      Network network = start_;
      sample::train(network, mask_, compounds);
      models.emplace_back(network);
    }
  }

  std::uint64_t seed_;
  sample::FingerprintTask task_;
  Network start_, mask_, control_;
};

/// Means over the seeds.
std::vector<PruningLine> measure(int seeds) {
  std::vector<PruningLine> lines;
  for (const Line& line : kLines) {
    PruningLine mean{line.name, std::vector<double>(kSteps + 1)};
    for (int seed = 1; seed <= seeds; ++seed) {
      const PruningLine one = prune_by_steps(static_cast<std::uint64_t>(seed), line.method);
      for (std::size_t i = 0; i < mean.losses.size(); ++i) mean.losses[i] += one.losses[i] / seeds;
    }
    lines.push_back(std::move(mean));
  }
  return lines;
}

std::string table_of(std::span<const PruningLine> lines) {
  Cells heading = {"removed, %"};
  for (const PruningLine& line : lines) heading.push_back(line.name);
  Table table(heading);
  for (std::size_t step = 0; step <= kSteps; ++step) {
    Cells cells = {fmt::format("{}", 10 * step)};
    for (const PruningLine& line : lines) cells.push_back(fmt::format("{:.3f}", line.losses[step]));
    table.add(cells);
  }
  return table.text();
}

/// What the program does by itself, a row for each method and seed.
std::string loop_table(const PruningPrograms& programs, int seeds) {
  Table table({"method", "seed", "removed, %", "loss", "unpruned", "on the test set",
               "4 bits: times smaller", "loss", "on the test set"});
  for (const char* method : {"reductive", "magnitude", "random"}) {
    for (int seed = 1; seed <= seeds; ++seed) {
      const PrunedRegression row =
          prune_regression(programs, static_cast<std::uint64_t>(seed), method);
      Cells cells = {method, fmt::format("{}", seed), fmt::format("{:.1f}", 100 * row.removed)};
      for (const double loss : {row.loss, row.unpruned_loss, row.test_loss}) {
        cells.push_back(fmt::format("{:.3f}", loss));
      }
      cells.push_back(fmt::format("{:.1f}", row.times_smaller));
      for (const double loss : {row.quantized_loss, row.quantized_test_loss}) {
        cells.push_back(fmt::format("{:.3f}", loss));
      }
      table.add(cells);
    }
  }
  return table.text();
}

std::string chart_of(std::span<const PruningLine> lines) {
  Panel panel;
  panel.title = "Loss on the test set";
  panel.x = {"weights removed, %", 0, 100, {}};
  for (int percent = 0; percent <= 100; percent += 20) {
    panel.x.ticks.push_back({double(percent), fmt::format("{}", percent)});
  }
  panel.y = {"mean squared error", 0.4, 1, {}};
  for (int tenths = 4; tenths <= 10; tenths += 2) {
    panel.y.ticks.push_back({tenths / 10.0, fmt::format("{:.1f}", tenths / 10.0)});
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Series series{{}, i};
    for (std::size_t step = 0; step <= kSteps; ++step) {
      series.points.push_back({100 * kShare * double(step), lines[i].losses[step]});
    }
    panel.series.push_back(std::move(series));
  }
  return draw_chart({&panel, 1});
}

}  // namespace

PruningLine prune_by_steps(std::uint64_t seed, std::optional<PruneMethod> method) {
  Steps steps(seed);
  PruningLine line{method ? std::string(name_of(*method)) : "unpruned", {steps.loss()}};
  for (int step = 0; step < kSteps; ++step) {
    method ? steps.prune(*method) : steps.go_on();
    line.losses.push_back(steps.loss());
  }
  return line;
}

Section pruning_section(const PruningPrograms& programs, int seeds) {
  Section section;
  const std::vector<PruningLine> lines = measure(seeds);
  section.facts["by_share"] = table_of(lines);
  section.facts["seeds"] = fmt::format("{}", seeds);
  section.facts["loops"] = loop_table(programs, seeds);
  section.charts["pruning.svg"] = chart_of(lines);
  return section;
}

}  // namespace wquant::papers
