#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/inspect_histogram.h"
#include "cli/statistics.h"
#include "cli/terminal.h"
#include "formats/quantized_reader.h"
#include "report/table.h"
#include "report/totals.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using Json = nlohmann::ordered_json;

void print_json(const Json& json) {
  print_result(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json json_of(const TensorInfo& info, std::uint64_t bytes) {
  return {{"name", info.name},
          {"shape", info.shape},
          {"dtype", name_of(info.dtype)},
          {"count", info.count()},
          {"bytes", bytes}};
}

Json json_of(const Histogram& histogram) {
  return {{"low", histogram.low},
          {"high", histogram.high},
          {"counts", histogram.counts},
          {"below", histogram.below},
          {"above", histogram.above}};
}

/// What is known of every tensor of floating-point numbers.
struct Findings {
  std::vector<std::optional<Statistics>> statistics;
  std::vector<std::optional<Histogram>> histograms;  ///< Where they are asked for.
};

Findings nothing_of(const ModelReader& model) {
  Findings found;
  found.statistics.resize(model.tensors().size());
  found.histograms.resize(model.tensors().size());
  return found;
}

Findings find_all(const ModelReader& model, bool histograms, const Talk& talk) {
  std::uint64_t done = 0, total = 0;
  for (const TensorInfo& info : model.tensors()) total += info.bytes();
  Findings found = nothing_of(model);
  ProgressLine line(talk);
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    try {
      if (is_quantizable(info.dtype)) {
        const Statistics statistics = tensor_statistics(model, i);
        found.statistics[i] = statistics;
        if (histograms && statistics.finite > 0) {
          found.histograms[i] = tensor_histogram(model, i, statistics);
        }
      }
    } catch (Error& error) {
      if (error.kind() != ErrorKind::kInterrupted) error.at_tensor(info.name);
      error.at_file(model.path());
      throw;
    }
    line.update(done += info.bytes(), total);
  }
  return found;
}

// A float model.

void print_model_text(const ModelReader& model,
                      const std::vector<std::optional<Statistics>>& statistics) {
  Table table({{"tensor", Align::kLeft},
               {"shape", Align::kLeft},
               {"dtype", Align::kLeft},
               {"bytes"},
               {"min"},
               {"max"},
               {"mean"},
               {"std"},
               {"zeros"},
               {"nonfinite"}});
  std::uint64_t bytes = 0;
  const auto figure = [](double value) { return fmt::format("{:.3g}", value); };
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    std::vector<std::string> row = {printable(info.name), shape_text(info.shape),
                                    std::string(name_of(info.dtype)), byte_text(info.bytes())};
    if (const auto& s = statistics[i]) {
      row.insert(row.end(), {figure(s->min), figure(s->max), figure(s->mean), figure(s->deviation),
                             fmt::format("{}", s->zeros), fmt::format("{}", s->nonfinite)});
    }
    row.resize(10, "-");
    table.add(std::move(row));
    bytes += info.bytes();
  }
  print_result(table.text());
  print_result(fmt::format("{}: {}, {} tensors, {}\n", printable(model.path(), 1000),
                           model.format(), statistics.size(), byte_text(bytes)));
}

void print_model_json(const ModelReader& model, const Findings& found) {
  Json tensors = Json::array();
  for (std::size_t i = 0; i < found.statistics.size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    Json json = json_of(info, info.bytes());
    if (const auto& s = found.statistics[i]) {
      json["min"] = s->min;
      json["max"] = s->max;
      json["mean"] = s->mean;
      json["std"] = s->deviation;
      json["zeros"] = s->zeros;
      json["nonfinite"] = s->nonfinite;
    }
    if (const auto& histogram = found.histograms[i]) json["histogram"] = json_of(*histogram);
    tensors.push_back(std::move(json));
  }
  print_json({{"file", model.path()}, {"format", model.format()}, {"tensors", tensors}});
}

// A quantized file.

void print_quantized_text(const QuantizedReader& model) {
  const Report& report = model.report();
  const bool keeps_zeros = std::ranges::any_of(
      report.tensors, [](const TensorReport& tensor) { return !zeros_text(tensor).empty(); });
  std::vector<Column> columns = {{"tensor", Align::kLeft},
                                 {"shape", Align::kLeft},
                                 {"dtype", Align::kLeft},
                                 {"bytes"},
                                 {"bits"},
                                 {"mode", Align::kLeft},
                                 {"r"},
                                 {"rho"}};
  if (keeps_zeros) columns.push_back({"zeros", Align::kLeft});
  Table table(columns);
  for (const TensorReport& tensor : report.tensors) {
    std::vector<std::string> row = {printable(tensor.info.name), shape_text(tensor.info.shape),
                                    std::string(name_of(tensor.info.dtype)),
                                    byte_text(tensor.bytes)};
    if (tensor.quantized) {
      const bool is_told = !tensor.settings.mode.empty();
      const bool has_ratio = is_told && tensor.settings.coding == Coding::kFixed;
      row.insert(row.end(), {bits_text(tensor), is_told ? mode_text(tensor.settings) : "-",
                             has_ratio ? fmt::format("{:.4f}", tensor.codebook.ratio) : "-",
                             fmt::format("{:.6f}", tensor.codebook.rho)});
    } else {
      row.insert(row.end(), {"-", "kept"});
    }
    row.resize(8, "-");
    const std::string_view zeros = zeros_text(tensor);
    if (keeps_zeros) row.emplace_back(zeros.empty() ? "-" : zeros);
    table.add(std::move(row));
  }
  print_result(table.text());
  print_result(fmt::format("{}: quantized, {} tensors, {}\n", printable(model.path(), 1000),
                           report.tensors.size(), byte_text(report.file_bytes)));
  if (model.settings_json().empty()) return;
  print_result(fmt::format("settings: {}\n", printable(model.settings_json(), 1000)));
}

void add_settings(const TensorReport& tensor, Json& json) {
  json["mode"] = mode_text(tensor.settings);
  json["x0"] = tensor.codebook.x0;
  json["ratio"] = tensor.codebook.ratio;
  json["relative_error"] = tensor.relative_error;
}

void print_quantized_json(const QuantizedReader& model, const Findings& found) {
  Json tensors = Json::array();
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorReport& tensor = model.report().tensors[i];
    Json json = json_of(tensor.info, tensor.bytes);
    json["quantized"] = tensor.quantized;
    if (tensor.quantized) {
      json["coding"] = name_of(tensor.settings.coding);
      json["bits"] = tensor.coded_bytes > 0
                         ? bits_per_weight(tensor.coded_bytes, tensor.info.count())
                         : tensor.codebook.bits;
      if (const auto zeros = zeros_text(tensor); !zeros.empty()) {
        json[fmt::format("zero_{}", zeros)] = true;
      }
      json["correlation"] = tensor.codebook.rho;
    } else {
      json["kept_reason"] = tensor.kept_reason;
    }
    if (!tensor.settings.mode.empty() && tensor.quantized) add_settings(tensor, json);
    if (const auto& histogram = found.histograms[i]) json["histogram"] = json_of(*histogram);
    tensors.push_back(std::move(json));
  }
  print_json({{"file", model.path()},
              {"format", model.format()},
              {"file_bytes", model.report().file_bytes},
              {"settings", model.settings_json().empty()
                               ? Json()
                               : Json::parse(model.settings_json(), nullptr, false)},
              {"tensors", tensors}});
}

}  // namespace

void run_inspect(const Arguments& arguments) {
  std::string file;
  bool json = false, histogram = false;
  Talk talk;
  Parser parser("inspect",
                "List the tensors of a model with statistics, or of a quantized file "
                "with their settings.");
  parser.add_option("FILE", file, "a model's file or folder, or a quantized file")
      ->required()
      ->option_text(" ");
  parser.add_flag("--json", json, "print JSON");
  parser.add_flag("--histogram", histogram,
                  "show how the weights are distributed, within 4 standard deviations");
  parser.add_talk(talk);
  if (!parser.parse_arguments(arguments)) return;

  if (is_quantized_file(file)) {
    const auto model = open_quantized_file(file);
    const Findings found = histogram ? find_all(*model, histogram, talk) : nothing_of(*model);
    if (json) return print_quantized_json(*model, found);
    return histogram ? print_histograms(*model, found.histograms) : print_quantized_text(*model);
  }
  const auto model = open_model(file);
  const Findings found = find_all(*model, histogram, talk);
  if (json) return print_model_json(*model, found);
  return histogram ? print_histograms(*model, found.histograms)
                   : print_model_text(*model, found.statistics);
}

}  // namespace wquant
