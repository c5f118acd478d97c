#include "formats/onnx_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "formats/quantized_file_checksum.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// As wide as a correlation of 6 digits.
constexpr std::string_view kNoFigure = "null    ";
constexpr std::string_view kBeforeFile = R"({"file":")";
constexpr std::string_view kNoChecksum = "00000000";

std::string rho_text(double rho) {
  if (!std::isfinite(rho)) return std::string(kNoFigure);
  return fmt::format("{:.6f}", std::clamp(rho, 0.0, 1.0));
}

std::uint32_t checksum_of(const nlohmann::json& value) {
  std::optional<std::uint32_t> checksum;
  if (value.is_string()) checksum = checksum_from_text(value.get_ref<const std::string&>());
  if (checksum) return *checksum;
  throw Error(fmt::format("{} are not 8 lower-case hexadecimal digits", kOnnxChecksKey));
}

OnnxChecks::Tensor parse_tensor(const std::string& name, const nlohmann::json& value) {
  try {
    if (!value.is_array() || value.size() != 2 || !(value[1].is_number() || value[1].is_null())) {
      throw Error(fmt::format("{} does not hold its checksum and correlation", kOnnxChecksKey));
    }
    return {checksum_of(value[0]),
            value[1].is_null() ? std::numeric_limits<double>::quiet_NaN() : value[1].get<double>()};
  } catch (Error& error) {
    error.at_tensor(name);
    throw;
  }
}

}  // namespace

std::string onnx_checks_text(const OnnxChecks& checks) {
  std::vector<std::string> members;
  for (const auto& [name, tensor] : checks.quantized) {
    members.push_back(fmt::format(R"({}:["{}",{}])", json_string(name),
                                  checksum_text(tensor.checksum), rho_text(tensor.rho)));
  }
  return fmt::format(R"({}{}","kept":"{}","quantized":{{{}}}}})", kBeforeFile,
                     checksum_text(checks.file), checksum_text(checks.kept),
                     fmt::join(members, ","));
}

OnnxChecks parse_onnx_checks(std::string_view text) {
  OnnxChecks checks;
  std::optional<std::uint32_t> file, kept;
  const auto take = [&](const std::string& name, const nlohmann::json& value) {
    if (name == "file") file = checksum_of(value);
    if (name == "kept") kept = checksum_of(value);
  };
  const auto add = [&](const std::string& name, const nlohmann::json& value) {
    checks.quantized.emplace(name, parse_tensor(name, value));
  };
  parse_json_members(text, kOnnxChecksKey, take, {"quantized", add});
  if (!file || !kept) throw Error(fmt::format("{} are not complete", kOnnxChecksKey));
  checks.file = *file;
  checks.kept = *kept;
  return checks;
}

std::uint32_t onnx_file_checksum(const MappedFile& file, std::string_view text) {
  if (!text.starts_with(kBeforeFile)) {
    throw Error(fmt::format("{} do not begin with that of the file", kOnnxChecksKey));
  }
  const auto begin = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(text.data()) -
                                              file.bytes().data());
  const std::size_t digits = begin + kBeforeFile.size();
  const std::string_view zeros = kNoChecksum;
  const std::size_t rest = digits + zeros.size();
  if (rest > file.bytes().size()) throw Error(fmt::format("{} are cut off", kOnnxChecksKey));
  const std::uint32_t checksum =
      crc32_of(std::as_bytes(std::span(zeros)), crc32_of(file, 0, digits));
  return crc32_of(file, rest, file.bytes().size() - rest, checksum);
}

}  // namespace wquant
