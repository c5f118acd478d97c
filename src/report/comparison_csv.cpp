#include <string>
#include <string_view>

#include "base/json_text.h"
#include "report/comparison.h"
#include "report/totals.h"

namespace wquant {
namespace {

constexpr std::string_view kHeader =
    "size,bits,mode,coding,granularity,mean_rho,lowest_rho,lowest_rho_tensor,mean_relative_error,"
    "file_bytes,file_bytes_known,compression_ratio,bits_per_weight,score\n";

/// A field of RFC 4180.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string number(const std::optional<double>& value) {
  std::string text;
  if (value) append_json_number(text, *value);
  return text;
}

/// Fields from file_bytes on.
std::string size_fields(const Comparison& comparison, std::uint64_t bytes, bool known,
                        const std::optional<double>& score) {
  return std::to_string(bytes) + (known ? ",true," : ",false,") +
         number(compression_ratio(comparison.bytes, bytes)) + "," +
         number(bits_per_weight(bytes, comparison.weights)) + "," + number(score) + "\n";
}

std::string row(const Comparison& comparison, const ComparedSetting& setting) {
  const TensorSettings& settings = setting.settings;
  std::string text = field(setting.size) + ",";
  text += (setting.size.empty() ? std::to_string(settings.bits) : "") + ",";
  text += settings.mode + "," + std::string(name_of(settings.coding)) + ",";
  text += granularity_text(settings) + "," + number(setting.mean_rho()) + ",";
  const auto lowest = setting.lowest();
  text += lowest ? number(setting.tensors[*lowest].rho) + "," +
                       field(comparison.tensors[*lowest].name) + ","
                 : ",,";
  return text + number(setting.mean_relative_error()) + "," +
         size_fields(comparison, setting.file_bytes, setting.file_bytes_known, setting.score);
}

}  // namespace

std::string comparison_csv(const Comparison& comparison) {
  std::string text(kHeader);
  if (comparison.score) {
    text += ",,float,,,,,,," + size_fields(comparison, comparison.bytes, true, comparison.score);
  }
  for (const ComparedSetting& setting : comparison.settings) text += row(comparison, setting);
  return text;
}

}  // namespace wquant
