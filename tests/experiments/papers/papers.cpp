// Repeats the experiments of the papers that docs/method.md names.
//
//   papers all DOCS      writes DOCS/results.md and the charts in DOCS/results
//   papers EXPERIMENT    prints one section of it

#include <CLI/CLI.hpp>
#include <Eigen/Core>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "hopfield_section.h"
#include "partition_section.h"
#include "pruning_section.h"
#include "sample_section.h"
#include "wquant/error.h"

namespace {

using namespace wquant;
using namespace wquant::papers;
namespace fs = std::filesystem;

struct Options {
  std::size_t count = 10'000;
  HopfieldSize hopfield;
  std::size_t images = 10'000;
  int seeds = 5;
  fs::path charts;
  fs::path docs;
};

/// One experiment: its subcommand, whose name its text in the folder of texts has, too.
struct Experiment {
  std::string name;
  std::string help;
  std::function<Section(const Options&)> measure;
};

SampleRuns sample_runs(const Options& options) {
  return {WQUANT_PROGRAM, WQUANT_SAMPLE, fs::temp_directory_path() / "wquant-papers",
          options.images};
}

const std::vector<Experiment>& experiments() {
  static const std::vector<Experiment> kAll = {
      {"partitions", "random numbers: rho against x0, best x0, bits that exp saves",
       [](const Options& options) { return partition_section(options.count); }},
      {"hopfield", "networks of binary neurons: changed signs and errors of retrieval",
       [](const Options& options) { return hopfield_section(options.hopfield); }},
      {"sample", "the network of data/: accuracy against bits",
       [](const Options& options) {
         SampleRuns runs = sample_runs(options);
         return sample_section(runs);
       }},
      {"six-times", "the smallest file that loses at most a point",
       [](const Options& options) {
         SampleRuns runs = sample_runs(options);
         return six_times_section(runs);
       }},
      {"pruning", "a regression: loss against weights removed, by method",
       [](const Options& options) {
         return pruning_section(
             {WQUANT_PROGRAM, WQUANT_FINGERPRINTS, fs::temp_directory_path() / "wquant-pruning"},
             options.seeds);
       }},
  };
  return kAll;
}

std::string read_text(const std::string& name) {
  const fs::path path = fs::path(WQUANT_TEXTS) / (name + ".md");
  std::ifstream file(path);
  if (!file) throw Error("cannot be read").at_file(path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw Error("cannot be written").at_file(path.string());
}

/// The section's text; writes its charts into `charts`, if there is such a folder.
std::string section_text(const Experiment& experiment, const Options& options,
                         const fs::path& charts) {
  std::fprintf(stderr, "papers: %s ...\n", experiment.name.c_str());
  const Section section = experiment.measure(options);
  if (!charts.empty()) {
    for (const auto& [name, svg] : section.charts) write_text(charts / name, svg);
  }
  return fill(read_text(experiment.name), section);
}

void write_all(const Options& options) {
  std::string text = read_text("head");
  for (const Experiment& experiment : experiments()) {
    text += "\n" + section_text(experiment, options, options.docs / "results");
  }
  write_text(options.docs / "results.md", text);
}

void add_commands(CLI::App& app, Options& options) {
  CLI::App* all = app.add_subcommand("all", "every experiment into DOCS/results.md");
  all->add_option("DOCS", options.docs, "folder")->required();
  all->callback([&] { write_all(options); });
  for (const Experiment& experiment : experiments()) {
    CLI::App* command = app.add_subcommand(experiment.name, experiment.help);
    command->callback(
        [&] { std::fputs(section_text(experiment, options, options.charts).c_str(), stdout); });
  }
  app.require_subcommand(1);
}

void add_options(CLI::App& app, Options& options) {
  const auto option = [&](const char* command, const char* name, auto& value, const char* help) {
    app.get_subcommand(command)->add_option(name, value, help)->capture_default_str();
  };
  option("partitions", "--count", options.count, "numbers of each density");
  option("hopfield", "--neurons", options.hopfield.neurons, "neurons of a network");
  option("hopfield", "--patterns", options.hopfield.patterns, "patterns stored, an odd number");
  option("hopfield", "--networks", options.hopfield.networks, "networks, for the mean");
  for (const char* command : {"sample", "six-times"}) {
    option(command, "--images", options.images, "images the accuracy is measured on");
  }
  option("pruning", "--seeds", options.seeds, "tasks and networks, for the mean");
  for (const char* command : {"partitions", "hopfield", "pruning"}) {
    option(command, "--charts", options.charts, "folder for the SVG files");
  }
}

int run(int argc, char** argv) {
  CLI::App app("Repeats the experiments of the papers that docs/method.md names.");
  Options options;
  add_commands(app, options);
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    // Fixed sizes, so that sums are formed in the same order on every CPU.
    Eigen::setCpuCacheSizes(32 << 10, 256 << 10, 2 << 20);
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "papers: %s\n", error.what());
    return 1;
  }
}
