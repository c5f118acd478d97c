#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/text.h"
#include "cli/against.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/correlation.h"
#include "cli/terminal.h"
#include "formats/quantized_reader.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::size_t quantized_count(const Report& report) {
  std::size_t count = 0;
  for (const TensorReport& tensor : report.tensors) count += tensor.quantized ? 1 : 0;
  return count;
}

/// "MODEL: measured again, correlations differ by 1e-10 at most"
std::string against_text(const std::string& original, const Against& against) {
  return fmt::format("{}: {} tensors measured again, correlations differ by {:.1g} at most\n",
                     printable(original, 1000), against.tensors.size(), against.largest_difference);
}

std::string result_text(const std::string& file, const QuantizedReader& model) {
  const Report& report = model.report();
  const TensorReport* worst = worst_tensor(report);
  const std::string shard =
      model.shard().empty() ? std::string() : fmt::format(" as file {}", model.shard());
  std::string text = fmt::format("{}: whole{}: {} tensors, {} quantized", printable(file, 1000),
                                 shard, report.tensors.size(), quantized_count(report));
  if (worst != nullptr) {
    text += fmt::format(", lowest correlation {:.6f} ({})", worst->codebook.rho,
                        printable(worst->info.name));
  }
  return text + "\n";
}

nlohmann::ordered_json against_json(const std::string& original, const Against& against,
                                    const Report& report) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < against.tensors.size(); ++i) {
    const MeasuredErrors& measured = against.measured[i];
    tensors.push_back({{"name", report.tensors[against.tensors[i]].info.name},
                       {"rho", measured.rho},
                       {"relative_error", measured.relative_error},
                       {"snr_db", measured.snr_db},
                       {"max_error", measured.max_error}});
  }
  return {{"file", original}, {"tensors", std::move(tensors)}};
}

nlohmann::ordered_json result_json(const std::string& file, const Report& report) {
  const TensorReport* worst = worst_tensor(report);
  nlohmann::ordered_json json = {{"file", file},
                                 {"whole", true},
                                 {"tensors", report.tensors.size()},
                                 {"quantized", quantized_count(report)}};
  json["lowest_correlation"] = nullptr;
  json["lowest_tensor"] = nullptr;
  if (worst != nullptr) {
    json["lowest_correlation"] = worst->codebook.rho;
    json["lowest_tensor"] = worst->info.name;
  }
  return json;
}

}  // namespace

void run_verify(const Arguments& arguments) {
  std::string file;
  std::string original;
  std::optional<double> limit;
  bool json = false;
  Talk talk;
  Parser parser("verify", "Check that a quantized file is whole, and how near it is to the model.",
                "Exit codes: 0 whole, 1 damaged or not a quantized file, 3 below the limit or not\n"
                "what it says of the original.");
  parser.add_option("FILE", file, "quantized file")->required()->option_text(" ");
  parser
      .add_option("--min-correlation", limit,
                  "lowest correlation with the weights that every tensor must have")
      ->type_name("R");
  parser
      .add_option("--against", original,
                  "the model that was quantized: measure every tensor again and compare")
      ->type_name("ORIGINAL");
  parser.add_flag("--json", json, "print JSON");
  parser.add_talk(talk);
  if (!parser.parse_arguments(arguments)) return;
  if (limit) check_correlation_limit(*limit);

  require_quantized(file);
  const auto model = open_quantized_file(file);
  {
    ProgressLine line(talk);
    model->verify(run_options(line));
  }
  std::optional<Against> against;
  if (!original.empty()) against = check_against(*model, file, original, talk);
  if (json) {
    nlohmann::ordered_json result = result_json(file, model->report());
    if (against) result["against"] = against_json(original, *against, model->report());
    print_result(result.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                 "\n");
  } else if (!talk.quiet) {
    print_result(result_text(file, *model));
    if (against) print_result(against_text(original, *against));
  }
  if (limit) require_correlation(model->report(), *limit, file);
}

}  // namespace wquant
