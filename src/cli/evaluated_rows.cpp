#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "cli/compared_rows.h"
#include "cli/shell_command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "formats/format.h"
#include "formats/quantized_reader.h"
#include "report/comparison.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPoll{5};

/// Writes models as files of the format that the input has.
class LikeInput {
 public:
  /// Throws Error (usage) where the format is not written.
  explicit LikeInput(const ModelReader& input) : input_(input.path()) {
    const auto row = std::ranges::find(format_table(), input.format(), &Format::name);
    if (row != format_table().end()) format_ = &*row;
    if (format_ != nullptr && (format_->write != nullptr || format_->write_like != nullptr)) return;
    throw Error(fmt::format("format {} is not written, so that --eval has no file", input.format()),
                "convert the model first, see wquant formats", ErrorKind::kUsage)
        .at_file(input.path());
  }

  /// Returns what a command is to open.
  [[nodiscard]] fs::path write(const ModelReader& model, const fs::path& folder) const {
    const fs::path path = folder / name();
    if (format_->write != nullptr) {
      write_model(model, path, format_->name, Overwrite::kRefuse);
    } else {
      write_model_like(model, path, input_, Overwrite::kRefuse);
    }
    return format_->is_sharded && fs::is_regular_file(input_) ? index_in(path) : path;
  }

 private:
  [[nodiscard]] std::string name() const {
    const std::string extension = input_.extension().string();
    const bool own = std::ranges::count(format_->extensions, extension) > 0;
    if (format_->is_sharded || format_->extensions.empty()) return "model";
    return "model" + (own ? extension : std::string(format_->extensions.front()));
  }

  static fs::path index_in(const fs::path& folder) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().string().ends_with(".index.json")) return entry.path();
    }
    return folder;
  }

  const fs::path input_;
  const Format* format_ = nullptr;
};

/// Runs the command on the input and on every row, several at once.
class Evaluator {
 public:
  Evaluator(const ModelReader& model, const CompareOptions& options)
      : model_(model),
        options_(options),
        like_input_(model),
        line_(options.talk, "models"),
        comparison_(begin_comparison(model, make_plan(model, options.rows.front().settings))) {}

  Comparison run() {
    std::vector<std::optional<Survey>> surveys = surveys_of(model_, options_);
    comparison_.settings.resize(options_.rows.size());
    start({}, options_.input);
    for (std::size_t row = 0; row < options_.rows.size(); ++row) {
      while (running_.size() >= options_.eval_jobs) finish_first();
      start(row, write(row, std::move(surveys[row])));
    }
    while (!running_.empty()) finish_first();
    return std::move(comparison_);
  }

 private:
  struct Running {
    std::optional<std::size_t> row;  ///< None: the input itself.
    std::unique_ptr<ShellCommand> evaluation;
  };

  [[nodiscard]] fs::path folder_of(std::optional<std::size_t> row) const {
    return folder_.path() / (row ? std::to_string(*row) : "input");
  }

  /// Quantizes a row and dequantizes it to a file.
  fs::path write(std::size_t row, std::optional<Survey> survey) {
    const fs::path folder = folder_of(row);
    fs::create_directory(folder);
    const std::string name =
        is_sharded_model(options_.input) ? "quantized" : "quantized.safetensors";
    QuantizeOptions quantize = options_.quantize(options_.rows[row], (folder / name).string());
    quantize.talk.progress = false;
    take(row, write_row(model_, quantize, std::move(survey)));
    fs::path path = like_input_.write(*open_quantized_file(quantize.output), folder);
    fs::remove_all(quantize.output);
    return path;
  }

  void take(std::size_t row, const Report& report) {
    ComparedSetting& setting = comparison_.settings[row];
    setting.settings = options_.rows[row].settings.tensor;
    setting.size = options_.rows[row].size;
    setting.file_bytes = report.file_bytes;
    setting.written = true;
    for (const TensorReport& tensor : report.tensors) {
      if (!tensor.quantized || !tensor.same_as.empty()) continue;
      setting.tensors.push_back(
          {tensor.settings, tensor.codebook.rho, tensor.relative_error, tensor.bytes});
    }
  }

  void start(std::optional<std::size_t> row, const fs::path& path) {
    const fs::path folder = folder_of(row);
    fs::create_directory(folder);
    const PlacedPath places[] = {{"{}", path}};
    running_.push_back(
        {row, std::make_unique<ShellCommand>(command_for(options_.eval, places), folder)});
  }

  void finish_first() {
    const Running& first = running_.front();
    while (!first.evaluation->done()) {
      check_stop();
      line_.update(done_, options_.rows.size() + 1);
      std::this_thread::sleep_for(kPoll);
    }
    check_stop();  // The command may have been interrupted too.
    const double score = first.evaluation->score();
    (first.row ? comparison_.settings[*first.row].score : comparison_.score) = score;
    spdlog::debug("{}: score {}",
                  first.row ? setting_text(comparison_.settings[*first.row]) : "float", score);
    ++done_;
    fs::remove_all(folder_of(first.row));
    running_.pop_front();
  }

  const ModelReader& model_;
  const CompareOptions& options_;
  const LikeInput like_input_;
  ProgressLine line_;
  Comparison comparison_;
  std::size_t done_ = 0;
  const PrivateFolder folder_;
  std::deque<Running> running_;  // After the folder: commands end before it is removed.
};

}  // namespace

Comparison evaluate_rows(const ModelReader& model, const CompareOptions& options) {
  return Evaluator(model, options).run();
}

}  // namespace wquant
