#include "cli/prune_trainer.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "base/number.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/shell_command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPoll{5};

void finish(ShellCommand& command) {
  while (!command.done()) {
    check_stop();
    std::this_thread::sleep_for(kPoll);
  }
  check_stop();  // The command may have been interrupted too.
  command.require_success();
}

/// What is wrong with a trained model; empty: nothing.
std::string difference(const ModelReader& trained, const ModelReader& start) {
  for (const TensorInfo& wanted : start.tensors()) {
    const auto found = std::ranges::find(trained.tensors(), wanted.name, &TensorInfo::name);
    if (found == trained.tensors().end()) {
      return fmt::format("wrote no tensor {}", printable(wanted.name));
    }
    if (found->shape != wanted.shape) {
      return fmt::format("wrote {} with shape {} where it had {}", printable(wanted.name),
                         shape_text(found->shape), shape_text(wanted.shape));
    }
  }
  return {};
}

std::optional<double> finite(double loss) {
  return std::isfinite(loss) ? std::optional(loss) : std::nullopt;
}

/// What was written of an evaluation; nothing where there was none.
std::optional<double> read_loss(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  return std::getline(file, text) ? parse_number<double>(text) : std::nullopt;
}

}  // namespace

void PruneTrainer::train(const TrainingStart& start, const fs::path& output) const {
  if (fs::exists(output)) return;
  const PrivateFolder folder(folder_);
  const fs::path written = folder.path() / "output.npz";
  const PlacedPath places[] = {{kTrainPlaces[0], start.weights},
                               {kTrainPlaces[1], start.mask},
                               {kTrainPlaces[2], start.target},
                               {kTrainPlaces[3], written}};
  const std::string line = command_for(options_.loop.train, places);
  spdlog::debug("runs {}", printable(line, 1000));
  ShellCommand command(line, folder.path());
  finish(command);
  if (!fs::exists(written)) command.fail("wrote no output", "let it write {output}");
  const auto trained = open_model(written);
  const std::string wrong = difference(*trained, *open_model(start.weights));
  if (!wrong.empty()) command.fail(wrong, "let it write the tensors of {weights}");
  ProgressLine progress(options_.talk);
  write_model(*trained, output, "npz", Overwrite::kReplace, run_options(progress));
}

std::optional<double> PruneTrainer::evaluate(const fs::path& weights) const {
  const fs::path known = fs::path(weights).replace_extension(".loss");
  if (const std::optional<double> loss = read_loss(known)) return finite(*loss);
  const PrivateFolder folder(folder_);
  const PlacedPath places[] = {{"{}", weights}};
  const std::string line = command_for(options_.loop.evaluate, places);
  spdlog::debug("runs {}", printable(line, 1000));
  ShellCommand command(line, folder.path());
  finish(command);
  const double loss = command.number();
  OutputFile file(known, Overwrite::kReplace);
  file.append(fmt::format("{}\n", loss));
  file.commit();
  return finite(loss);
}

}  // namespace wquant
