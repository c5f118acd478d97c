#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <vector>

#include "base/staged_work.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/paths.h"
#include "cli/prune_loop.h"
#include "cli/prune_options.h"
#include "cli/prune_output.h"
#include "cli/terminal.h"
#include "report/pruning.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

std::vector<std::string> inputs_of(const PruneOptions& options) {
  std::vector<std::string> inputs;
  for (const FoldFiles& fold : options.folds) {
    inputs.push_back(fold.control);
    inputs.insert(inputs.end(), fold.perturbed.begin(), fold.perturbed.end());
  }
  if (!options.previous_mask.empty()) inputs.push_back(options.previous_mask);
  return inputs;
}

/// The models of all folds, open.
class OpenFolds {
 public:
  explicit OpenFolds(const std::vector<FoldFiles>& files) {
    for (const FoldFiles& fold : files) {
      PruneFold& open = folds_.emplace_back();
      open.control = add(fold.control);
      for (const std::string& path : fold.perturbed) open.perturbed.push_back(add(path));
    }
  }

  [[nodiscard]] const std::vector<PruneFold>& folds() const { return folds_; }
  [[nodiscard]] const ModelReader& control() const { return *folds_.front().control; }

 private:
  const ModelReader* add(const std::string& path) {
    models_.push_back(open_model(path));
    return models_.back().get();
  }

  std::vector<std::unique_ptr<ModelReader>> models_;
  std::vector<PruneFold> folds_;
};

PruneSettings settings_of(const Plan& plan, const PruneOptions& options) {
  const std::uint64_t weights = prunable_weights(plan);
  const std::uint64_t count = share_of(options.fraction, weights);
  if (count == 0) {
    throw Error(fmt::format("--fraction {} of {} weights is none", options.fraction, weights),
                weights == 0 ? "no tensor is pruned: wquant quantize --dry-run -v lists the reasons"
                             : "give a larger one",
                ErrorKind::kUsage)
        .at_file(options.input);
  }
  return {options.method, count, options.seed};
}

void execute(const PruneOptions& options) {
  const std::vector<std::string> inputs = inputs_of(options);
  for (const std::string& input : inputs) require_exists(input);
  check_prune_output(options.output, options.input, inputs);
  const OpenFolds open(options.folds);
  std::unique_ptr<ModelReader> previous;
  if (!options.previous_mask.empty()) previous = open_model(options.previous_mask);
  const Plan plan = make_plan(open.control(), options.selection);
  const PruneSettings settings = settings_of(plan, options);
  spdlog::debug("{} models, {} threads", inputs.size() - (previous ? 1 : 0),
                thread_count(options.threads));
  const Pruned pruned = [&] {
    ProgressLine line(options.talk);
    return prune(open.folds(), plan, settings, previous.get(), run_options(line, options.threads));
  }();
  write_prune_output(pruned, options.output, options.input, options.talk);
  if (options.json) {
    print_result(pruning_json(pruned.report));
  } else if (!options.talk.quiet) {
    print_result(pruning_text(pruned.report));
  }
}

}  // namespace

void run_prune(const Arguments& arguments) {
  PruneOptions options;
  if (!parse_prune_options(arguments, options)) return;
  if (options.loop.train.empty()) {
    execute(options);
  } else {
    run_prune_loop(options);
  }
}

}  // namespace wquant
