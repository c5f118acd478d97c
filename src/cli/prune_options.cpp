#include "cli/prune_options.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string_view>

#include "base/number.h"
#include "base/text.h"
#include "base/usage.h"
#include "cli/arguments.h"
#include "cli/setting_options.h"
#include "cli/shell_command.h"

namespace wquant {
namespace {

constexpr std::string_view kEpilog =
    "Weights of floating-point tensors of 2 or more dimensions are removed, biases never.\n"
    "Example: wquant prune control.npz --perturbed low.npz high.npz -o pruned.npz --mask mask.npz\n"
    "With --train the whole loop: models are trained to the target and to its multiples by CMD, "
    "which\n"
    "starts from {weights}, keeps at 0 what {mask} has 0 for, trains to {target} and writes "
    "{output}\n"
    "(npz, npz, npy, npz). Weights are removed and trained again while the last number that\n"
    "--evaluate prints does not rise; --state keeps what is done, so that the same command goes "
    "on\n"
    "after an interrupt. docs/pruning.md has the definitions.\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.";

/// What is typed and means nothing yet.
struct Typed {
  std::vector<std::string> perturbed;
  std::vector<std::vector<std::string>> folds;
  std::string method = "reductive", include, exclude, factors;
};

void add_models(Parser& parser, Typed& typed, PruneOptions& options) {
  parser.add_option("CONTROL", options.input, "the model that is pruned, see wquant formats")
      ->required()
      ->option_text(" ");
  parser
      .add_option("--perturbed", typed.perturbed,
                  "models trained from CONTROL's start to perturbed targets")
      ->type_name("P")
      ->expected(1, CLI::detail::expected_max_vector_size);
  parser
      .add_option("--fold", typed.folds,
                  "another control and its perturbed models, of other data; may be repeated")
      ->type_name("C P ...")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  parser
      .add_option("--previous-mask", options.previous_mask,
                  "mask of what had been removed (default: what is 0 in CONTROL)")
      ->type_name("FILE");
}

void add_choice(Parser& parser, Typed& typed, PruneOptions& options) {
  parser
      .add_option("--fraction", options.fraction,
                  "share of all weights to remove, those removed before not counted in (default "
                  "0.1)")
      ->type_name("F");
  parser.add_option("--method", typed.method, "which weights go first (default reductive)")
      ->type_name("reductive|magnitude|random");
  parser.add_option("--seed", options.seed, "of --method random (default 0)")->type_name("N");
  parser.add_option("--include", typed.include, "prune only tensors whose name matches")
      ->type_name("REGEX");
  parser.add_option("--exclude", typed.exclude, "leave tensors whose name matches")
      ->type_name("REGEX");
}

void add_loop(Parser& parser, Typed& typed, PruneLoopOptions& loop) {
  parser
      .add_option("--train", loop.train,
                  "prune in a loop with this trainer: {weights} {mask} {target} {output} are paths")
      ->type_name("CMD");
  parser
      .add_option("--evaluate", loop.evaluate,
                  "prints the validation loss of the model {}, lower is better")
      ->type_name("CMD");
  parser
      .add_option("--target", loop.target, "what is trained to, a .npy of floating-point numbers")
      ->type_name("FILE");
  parser.add_option("--state", loop.state, "folder that keeps the loop's state")
      ->type_name("FOLDER");
  parser.add_option("--rounds", loop.rounds, "at most so many (default 20)")->type_name("N");
  parser
      .add_option("--factors", typed.factors,
                  "multiples of the target, a perturbed model each (default 0.9,1.1)")
      ->type_name("LIST");
  parser.add_html(loop.html, "write the loop's history as a page too");
}

void add_run(Parser& parser, PruneOptions& options) {
  parser
      .add_option("-o,--output", options.output.model,
                  "the pruned model, in the format of the name's extension")
      ->type_name("OUT");
  parser
      .add_option("--mask", options.output.mask,
                  "write a U8 tensor for each that is pruned: 0 where a weight is removed, else 1")
      ->type_name("FILE");
  parser.add_threads(options.threads);
  parser.add_flag("--force", options.output.force, "replace existing output");
  parser.add_flag("--dry-run", options.dry_run, "show what would be removed, write nothing");
  parser.add_flag("--json", options.json, "print JSON");
  parser.add_talk(options.talk);
}

void take_folds(const Parser& parser, const Typed& typed, PruneOptions& options) {
  options.folds.push_back({options.input, typed.perturbed});
  for (const std::vector<std::string>& fold : typed.folds) {
    options.folds.push_back({fold.front(), {fold.begin() + 1, fold.end()}});
  }
  if (parser.count("--train") > 0) return;
  const bool is_reductive = options.method == PruneMethod::kReductive;
  if (!is_reductive && parser.count("--perturbed") + parser.count("--fold") > 0) {
    fail_usage(
        fmt::format("--perturbed and --fold are not for --method {}", name_of(options.method)),
        "leave them out");
  }
  if (is_reductive && typed.perturbed.empty()) {
    fail_usage("reductive pruning needs models that were trained to perturbed targets",
               "give them with --perturbed, or another --method");
  }
  for (const FoldFiles& fold : options.folds) {
    if (!is_reductive || !fold.perturbed.empty()) continue;
    fail_usage(fmt::format("--fold {} has no perturbed models", printable(fold.control)),
               "write them after it");
  }
}

std::vector<double> factors_of(const std::string& list) {
  std::vector<double> factors;
  for (const std::string& text : split(list)) {
    const std::optional<double> factor = parse_number<double>(text);
    if (!factor || !std::isfinite(*factor) || *factor == 1) {
      fail_usage(fmt::format("--factors \"{}\" is no perturbation", printable(text)),
                 "give numbers other than 1, for example 0.9,1.1");
    }
    factors.push_back(*factor);
  }
  return factors;
}

void check_loop(const Parser& parser, const PruneOptions& options) {
  for (const char* name : {"--perturbed", "--fold", "--dry-run"}) {
    if (parser.count(name) > 0)
      fail_usage(fmt::format("{} is not for --train", name), "leave it out");
  }
  for (const char* name : {"--evaluate", "--target", "--state"}) {
    if (parser.count(name) == 0) fail_usage(fmt::format("--train needs {}", name), "give it too");
  }
  for (const std::string_view place : kTrainPlaces)
    check_place("--train", options.loop.train, place);
  check_place("--evaluate", options.loop.evaluate, "{}");
  if (parser.count("--factors") > 0 && options.method != PruneMethod::kReductive) {
    fail_usage("--factors is for --method reductive", "leave it out");
  }
}

void check_no_loop(const Parser& parser) {
  for (const char* name :
       {"--evaluate", "--target", "--state", "--rounds", "--factors", "--html"}) {
    if (parser.count(name) == 0) continue;
    fail_usage(fmt::format("{} is for the loop", name), "give --train too, or leave it out");
  }
}

void check(const Parser& parser, const PruneOptions& options) {
  if (!(options.fraction > 0 && options.fraction <= 1)) {
    fail_usage(fmt::format("--fraction {} is no share", options.fraction),
               "give a number above 0, at most 1");
  }
  if (parser.count("--seed") > 0 && options.method != PruneMethod::kRandom) {
    fail_usage("--seed is for --method random", "leave it out");
  }
  const bool writes = !options.output.model.empty() || !options.output.mask.empty();
  if (options.dry_run && writes) fail_usage("--dry-run writes nothing", "leave -o and --mask out");
  if (!options.dry_run && options.output.model.empty()) {
    fail_usage("the output has no name", "give it with -o, or --dry-run");
  }
}

}  // namespace

bool parse_prune_options(const Arguments& arguments, PruneOptions& options) {
  Typed typed;
  Parser parser("prune", "Remove the weights that a model needs least: they become 0.",
                std::string(kEpilog));
  add_models(parser, typed, options);
  add_choice(parser, typed, options);
  add_loop(parser, typed, options.loop);
  add_run(parser, options);
  if (!parser.parse_arguments(arguments)) return false;
  options.method = prune_method(typed.method);
  if (parser.count("--include") > 0) options.selection.include = typed.include;
  if (parser.count("--exclude") > 0) options.selection.exclude = typed.exclude;
  if (parser.count("--factors") > 0) options.loop.factors = factors_of(typed.factors);
  take_folds(parser, typed, options);
  if (parser.count("--train") > 0) {
    check_loop(parser, options);
  } else {
    check_no_loop(parser);
  }
  check(parser, options);
  return true;
}

}  // namespace wquant
