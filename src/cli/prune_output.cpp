#include "cli/prune_output.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/text.h"
#include "cli/paths.h"
#include "formats/format.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// Whether the output is of a format that is only written like another file.
bool is_written_like(const fs::path& path) {
  const Format* const format = format_of_extension(path);
  return format != nullptr && format->write == nullptr && format->write_like != nullptr;
}

void check_format(const fs::path& path) {
  try {
    static_cast<void>(format_for_writing(path, {}));
  } catch (Error& error) {
    throw error.at_file(path.string());
  }
}

bool is_same_path(const fs::path& a, const fs::path& b) {
  std::error_code code;
  return fs::weakly_canonical(a, code) == fs::weakly_canonical(b, code);
}

void write(const ModelReader& model, const std::string& path, bool force,
           const std::string* control, const Talk& talk) {
  const Overwrite overwrite = force ? Overwrite::kReplace : Overwrite::kRefuse;
  {
    ProgressLine line(talk);
    const RunOptions run = run_options(line);
    if (control != nullptr && is_written_like(path)) {
      write_model_like(model, path, *control, overwrite, run);
    } else {
      write_model(model, path, {}, overwrite, run);
    }
  }
  spdlog::info("wrote {}", printable(path, 1000));
}

}  // namespace

void check_prune_output(const PruneOutput& output, const std::string& control,
                        std::span<const std::string> inputs) {
  for (const std::string* path : {&output.model, &output.mask}) {
    if (path->empty()) continue;
    for (const std::string& input : inputs) check_output(*path, input, output.force);
  }
  if (!output.mask.empty()) {
    check_format(output.mask);
    if (is_same_path(output.model, output.mask)) {
      throw Error("the mask would replace the model", "give another name with --mask",
                  ErrorKind::kUsage)
          .at_file(output.mask);
    }
  }
  if (output.model.empty()) return;
  if (!is_written_like(output.model)) {
    check_format(output.model);
  } else if (format_of_extension(output.model) != format_of_extension(control)) {
    throw Error("a file of this format is only written like the model that is pruned",
                "name a file of another format with -o, see wquant formats", ErrorKind::kUsage)
        .at_file(output.model);
  }
}

void write_prune_output(const Pruned& pruned, const PruneOutput& output, const std::string& control,
                        const Talk& talk) {
  if (!output.model.empty()) write(*pruned.model, output.model, output.force, &control, talk);
  if (!output.mask.empty()) write(*pruned.mask, output.mask, output.force, nullptr, talk);
}

}  // namespace wquant
