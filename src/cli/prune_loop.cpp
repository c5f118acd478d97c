#include "cli/prune_loop.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/output_file.h"
#include "base/text.h"
#include "cli/paths.h"
#include "cli/prune_output.h"
#include "cli/prune_state.h"
#include "cli/prune_trainer.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "quant/scaled_view.h"
#include "report/prune_history.h"
#include "report/pruning.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// Files of a state.
constexpr const char *kStart = "start.npz", *kMask = "mask.npz", *kControl = "control.npz";

class PruneLoop {
 public:
  PruneLoop(const PruneOptions& options, PruneHistory& history)
      : options_(options),
        history_(history),
        model_(open_model(options.input)),
        plan_(make_plan(*model_, options.selection)),
        target_(open_model(options.loop.target)),
        previous_(options.previous_mask.empty() ? nullptr : open_model(options.previous_mask)),
        state_(options.loop.state,
               prune_settings_text(options, *model_, *target_, previous_.get())),
        trainer_(options, state_.folder()) {
    history_.weights = prunable_weights(plan_);
  }

  void run() {
    write_targets();
    begin();
    while (std::optional<PruneRound> round =
               next_round(history_, options_.fraction, options_.loop.rounds)) {
      run_round(*round);
      add_round(history_, *round);
      state_.save(history_);
      tell(history_.rounds.back());
    }
  }

  /// The best state, to be written.
  void write_best() const {
    const fs::path folder = state_.of_state(history_.base());
    const auto control = open_model(folder / kControl);
    const auto mask = open_model(folder / kMask);
    write_prune_output(zeros_of(*control, *mask), options_.output, options_.input, options_.talk);
  }

 private:
  /// A file of the state folder; what is there already stays.
  void write(const ModelReader& model, const fs::path& path, const char* format) const {
    if (fs::exists(path)) return;
    ProgressLine line(options_.talk);
    write_model(model, path, format, Overwrite::kReplace, run_options(line));
  }

  [[nodiscard]] fs::path target(std::size_t number) const {
    return state_.folder() / fmt::format("target-{}.npy", number);
  }

  void write_targets() const {
    if (target_->tensors().size() != 1) {
      throw Error(fmt::format("holds {} tensors, no target", target_->tensors().size()),
                  "give a .npy file")
          .at_file(options_.loop.target);
    }
    write(*target_, target(0), "npy");
    if (options_.method != PruneMethod::kReductive) return;
    for (std::size_t i = 0; i < options_.loop.factors.size(); ++i) {
      write(*scaled_view(*target_, options_.loop.factors[i]), target(i + 1), "npy");
    }
  }

  /// A model with a mask for it; nothing is removed anew. Throws Error for a model that does not
  /// keep to the mask.
  [[nodiscard]] Pruned zeros_of(const ModelReader& model, const ModelReader& mask) const {
    const PruneFold fold{&model, {}};
    return prune({&fold, 1}, make_plan(model, options_.selection), {PruneMethod::kMagnitude, 0, 0},
                 &mask, run_settings());
  }

  [[nodiscard]] RunOptions run_settings() const {
    RunOptions run;
    run.threads = options_.threads;
    run.stop = &stop_flag();
    return run;
  }

  /// State 0: the model with its zeros, trained to the true target.
  void begin() {
    const PruneFold fold{model_.get(), {}};
    const Pruned pruned =
        prune({&fold, 1}, plan_, {PruneMethod::kMagnitude, 0, 0}, previous_.get(), run_settings());
    history_.zeros_before = pruned.report.zeros_before;
    write_start(pruned, 0);
    train(0, state_.of_state(0) / kStart, 0, state_.of_state(0) / kControl);
    if (state_.has_history()) return resume();
    const std::optional<double> loss = trainer_.evaluate(state_.of_state(0) / kControl);
    if (!loss) {
      throw Error("its loss is not finite once it is trained", "look at the trainer")
          .at_file(options_.input);
    }
    check_zeros(0);
    history_.loss = *loss;
    state_.save(history_);
    spdlog::info("state 0: loss {:.6g}", *loss);
  }

  void resume() {
    state_.replay(history_, options_.fraction);
    state_.remove_unneeded(history_);
    spdlog::info("goes on after round {}", history_.rounds.size());
  }

  void write_start(const Pruned& pruned, std::size_t number) const {
    write(*pruned.model, state_.of_state(number) / kStart, "npz");
    write(*pruned.mask, state_.of_state(number) / kMask, "npz");
  }

  /// Trains with the mask of a state.
  void train(std::size_t masked_by, const fs::path& weights, std::size_t target_number,
             const fs::path& output) const {
    trainer_.train({weights, state_.of_state(masked_by) / kMask, target(target_number)}, output);
  }

  void check_zeros(std::size_t number) const {
    const fs::path folder = state_.of_state(number);
    static_cast<void>(zeros_of(*open_model(folder / kControl), *open_model(folder / kMask)));
  }

  /// Prunes the last accepted state, trains and evaluates what is left, and the unpruned model.
  void run_round(PruneRound& round) {
    const std::size_t number = history_.rounds.size() + 1;
    prune_base(round, number);
    const fs::path folder = state_.of_state(number);
    train(number, folder / kStart, 0, folder / kControl);
    round.loss = trainer_.evaluate(folder / kControl);
    if (round.loss) check_zeros(number);
    round.unpruned_loss = unpruned_loss();
  }

  /// Makes the next state's start from the base's control.
  void prune_base(const PruneRound& round, std::size_t number) {
    const fs::path base = state_.of_state(history_.base());
    std::vector<std::unique_ptr<ModelReader>> perturbed;
    if (options_.method == PruneMethod::kReductive) {
      for (std::size_t i = 1; i <= options_.loop.factors.size(); ++i) {
        const fs::path output = base / fmt::format("perturbed-{}.npz", i);
        train(history_.base(), base / kStart, i, output);
        perturbed.push_back(open_model(output));
      }
    }
    const auto control = open_model(base / kControl);
    const auto mask = open_model(base / kMask);
    PruneFold fold{control.get(), {}};
    for (const auto& model : perturbed) fold.perturbed.push_back(model.get());
    const PruneSettings settings{options_.method, round.removed, options_.seed + number};
    write_start(prune({&fold, 1}, make_plan(*control, options_.selection), settings, mask.get(),
                      run_settings()),
                number);
  }

  /// The loss of the model that was not pruned, trained as often as the state of this round.
  [[nodiscard]] std::optional<double> unpruned_loss() const {
    const std::size_t trainings = history_.accepted() + 1;
    train(0, state_.unpruned(trainings - 1), 0, state_.unpruned(trainings));
    return trainer_.evaluate(state_.unpruned(trainings));
  }

  void tell(const PruneRound& round) const {
    spdlog::info("round {}: {} zeros, loss {}: {}", history_.rounds.size(),
                 share_text(round.zeros, history_.weights),
                 round.loss ? fmt::format("{:.6g}", *round.loss) : "not finite",
                 round.accepted ? "accepted" : "rejected");
  }

  const PruneOptions& options_;
  PruneHistory& history_;
  const std::unique_ptr<ModelReader> model_;
  const Plan plan_;
  const std::unique_ptr<ModelReader> target_, previous_;
  PruneState state_;
  const PruneTrainer trainer_;
};

std::vector<std::string> inputs_of(const PruneOptions& options) {
  std::vector<std::string> inputs = {options.input, options.loop.target};
  if (!options.previous_mask.empty()) inputs.push_back(options.previous_mask);
  return inputs;
}

void write_page(const PruneHistory& history, const PruneOptions& options) {
  OutputFile page(options.loop.html,
                  options.output.force ? Overwrite::kReplace : Overwrite::kRefuse);
  page.append(prune_history_html(history));
  page.commit();
}

}  // namespace

void run_prune_loop(const PruneOptions& options) {
  const std::vector<std::string> inputs = inputs_of(options);
  for (const std::string& input : inputs) require_exists(input);
  check_prune_output(options.output, options.input, inputs);
  if (!options.loop.html.empty()) {
    check_output(options.loop.html, options.input, options.output.force);
  }
  PruneHistory history;
  history.input = options.input;
  history.method = options.method;
  PruneLoop loop(options, history);
  loop.run();
  loop.write_best();
  if (!options.loop.html.empty()) write_page(history, options);
  if (options.json) {
    print_result(prune_history_json(history));
  } else if (!options.talk.quiet) {
    print_result(prune_history_text(history));
  }
}

}  // namespace wquant
