#include "formats/onnx_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "formats/base64.h"
#include "formats/quantized_file_checksum.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr int kByteBits = 8;
constexpr std::size_t kChecksumBytes = 4, kRhoBytes = 3, kTensorBytes = kChecksumBytes + kRhoBytes;
constexpr double kRhoSteps = 1e6;
constexpr std::uint32_t kNoRho = 0xFFFFFF;
constexpr std::string_view kBeforeFile = R"({"file":")";
constexpr std::string_view kNoChecksum = "00000000";

std::uint32_t steps_of(double rho) {
  if (!std::isfinite(rho)) return kNoRho;
  return static_cast<std::uint32_t>(std::lround(std::clamp(rho, 0.0, 1.0) * kRhoSteps));
}

void append(std::vector<std::byte>& bytes, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i, value >>= kByteBits) {
    bytes.push_back(static_cast<std::byte>(value));
  }
}

std::uint32_t take(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << kByteBits | std::to_integer<std::uint32_t>(bytes[i - 1]);
  }
  return value;
}

std::uint32_t checksum_of(const nlohmann::json& value) {
  std::optional<std::uint32_t> checksum;
  if (value.is_string()) checksum = checksum_from_text(value.get_ref<const std::string&>());
  if (checksum) return *checksum;
  throw Error(fmt::format("{} are not 8 lower-case hexadecimal digits", kOnnxChecksKey));
}

std::size_t number_of(const nlohmann::json& value) {
  if (value.is_number_unsigned()) return value.get<std::size_t>();
  throw Error(fmt::format("{} hold no number of nodes", kOnnxChecksKey));
}

std::vector<OnnxChecks::Tensor> tensors_of(const nlohmann::json& value) {
  if (!value.is_string()) throw Error(fmt::format("{} hold none of tensors", kOnnxChecksKey));
  const std::vector<std::byte> bytes = from_base64(value.get_ref<const std::string&>());
  if (bytes.size() % kTensorBytes != 0) throw Error(fmt::format("{} are cut off", kOnnxChecksKey));
  std::vector<OnnxChecks::Tensor> tensors;
  for (std::size_t i = 0; i < bytes.size(); i += kTensorBytes) {
    const auto tensor = std::span(bytes).subspan(i, kTensorBytes);
    const std::uint32_t rho = take(tensor.last(kRhoBytes));
    tensors.push_back({take(tensor.first(kChecksumBytes)),
                       rho == kNoRho ? std::numeric_limits<double>::quiet_NaN() : rho / kRhoSteps});
  }
  return tensors;
}

}  // namespace

std::string onnx_checks_text(const OnnxChecks& checks) {
  std::vector<std::byte> tensors;
  for (const OnnxChecks::Tensor& tensor : checks.quantized) {
    append(tensors, tensor.checksum, kChecksumBytes);
    append(tensors, steps_of(tensor.rho), kRhoBytes);
  }
  return fmt::format(R"({}{}","kept":"{}","nodes":{},"quantized":"{}"}})", kBeforeFile,
                     checksum_text(checks.file), checksum_text(checks.kept), checks.nodes,
                     to_base64(tensors));
}

OnnxChecks parse_onnx_checks(std::string_view text) {
  OnnxChecks checks;
  std::set<std::string> found;
  parse_json_members(text, kOnnxChecksKey, [&](const std::string& name, const auto& value) {
    if (name == "file") checks.file = checksum_of(value);
    if (name == "kept") checks.kept = checksum_of(value);
    if (name == "nodes") checks.nodes = number_of(value);
    if (name == "quantized") checks.quantized = tensors_of(value);
    found.insert(name);
  });
  for (const char* name : {"file", "kept", "nodes", "quantized"}) {
    if (!found.contains(name)) throw Error(fmt::format("{} lack {}", kOnnxChecksKey, name));
  }
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
