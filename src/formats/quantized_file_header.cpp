#include "formats/quantized_file_header.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "formats/packed_text.h"
#include "formats/quantized_file_checksum.h"
#include "formats/strict_json.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// No figure takes more characters.
constexpr std::string_view kWidestFigure = "-1.23456789e-308";
constexpr std::string_view kNoChecksum = "00000000";
/// What describes a quantized tensor takes about so many characters.
constexpr std::size_t kTensorText = 500;

constexpr std::array<Figure, 10> kFigures = {
    {{"x0", [](TensorReport& t) -> double& { return t.codebook.x0; }},
     {"ratio", [](TensorReport& t) -> double& { return t.codebook.ratio; }},
     {"scale", [](TensorReport& t) -> double& { return t.codebook.scale; }},
     {"rho", [](TensorReport& t) -> double& { return t.codebook.rho; }},
     {"gap", [](TensorReport& t) -> double& { return t.codebook.gap; }},
     {"relative_error", [](TensorReport& t) -> double& { return t.relative_error; }},
     {"relative_error_unscaled",
      [](TensorReport& t) -> double& { return t.codebook.relative_error_unscaled; }},
     {"snr_db", [](TensorReport& t) -> double& { return t.snr_db; }},
     {"max_error", [](TensorReport& t) -> double& { return t.max_error; }},
     {"entropy", [](TensorReport& t) -> double& { return t.entropy; }}}};

/// `,"x0":0.1,"ratio":1.5,...`; a null report gives the widest figures.
void append_figures(std::string& text, TensorReport* report) {
  for (const Figure& figure : kFigures) {
    text.append(",\"").append(figure.key).append("\":");
    if (report == nullptr) {
      text += kWidestFigure;
    } else if (const double value = figure.at(*report); std::isfinite(value)) {
      fmt::format_to(std::back_inserter(text), FMT_COMPILE("{:.9g}"), value);
    } else {
      text += "null";
    }
  }
}

/// Rules that only some modes read are left out where they have their default.
std::string rules_text(const TensorSettings& settings) {
  std::string text;
  if (settings.ratio_rule != RatioRule::kAuto) {
    text +=
        fmt::format(R"(,"ratio_rule":"{}")", choice_name(kRatioRuleChoices, settings.ratio_rule));
  }
  if (settings.range != RangeRule::kSearch) {
    text += fmt::format(R"(,"range":"{}")", choice_name(kRangeChoices, settings.range));
  }
  if (settings.search != SearchRule::kAuto) {
    text += fmt::format(R"(,"search":"{}")", choice_name(kSearchChoices, settings.search));
  }
  if (settings.zero != Zero::kAuto) {
    text += fmt::format(R"(,"zero":"{}")", choice_name(kZeroChoices, settings.zero));
  }
  return text;
}

/// What depends on output channels is left out where they do not matter.
std::string channels_text(const PlannedTensor& tensor) {
  std::string text;
  if (tensor.balance.sets != Balance::kOff) {
    text += fmt::format(R"(,"balance":"{}")", choice_name(kBalanceChoices, tensor.balance.sets));
  }
  if (tensor.cells.granularity == Granularity::kChannel) {
    text += fmt::format(R"(,"axis":{})", tensor.cells.axis);
  } else if (tensor.balance.sets != Balance::kOff) {
    text += fmt::format(R"(,"axis":{})", tensor.balance.axis);
  }
  text += fmt::format(R"(,"granularity":"{}")",
                      choice_name(kGranularityChoices, tensor.cells.granularity));
  if (tensor.cells.has_scales()) text += fmt::format(R"(,"run":{})", tensor.cells.run);
  return text;
}

std::string checksums_text(const PlannedTensor& tensor, const PartChecksums& checksums) {
  if (tensor.settings.coding == Coding::kF16) {
    return fmt::format(R"("data":"{}")", checksum_text(checksums[Part::kData]));
  }
  std::string text =
      fmt::format(R"("codes":"{}","levels":"{}")", checksum_text(checksums[Part::kCodes]),
                  checksum_text(checksums[Part::kLevels]));
  if (tensor.cells.has_scales()) {
    text += fmt::format(R"(,"scales":"{}")", checksum_text(checksums[Part::kScales]));
  }
  return text;
}

/// Begins the member of an object that describes a tensor.
void append_member(std::string& text, const PlannedTensor& tensor, std::size_t index) {
  if (text.back() != '{') text += ',';
  append_json_string(text, tensor.info.name);
  fmt::format_to(std::back_inserter(text), R"(:{{"index":{})", index);
}

/// Of a tensor that has no mode: little, as it counts beside small tensors.
void append_modeless(std::string& text, const PlannedTensor& tensor, TensorReport* report,
                     const PartChecksums& checksums) {
  fmt::format_to(
      std::back_inserter(text),
      R"(,"shape":[{}],"dtype":"{}","coding":"{}"{},"rho":{},"checksums":{{{}}}}})",
      fmt::join(tensor.info.shape, ","), name_of(tensor.info.dtype),
      choice_name(kCodingChoices, tensor.settings.coding), channels_text(tensor),
      report == nullptr ? std::string(kWidestFigure) : fmt::format("{:.6f}", report->codebook.rho),
      checksums_text(tensor, checksums));
}

void append_quantized(std::string& text, const PlannedTensor& tensor, TensorReport* report,
                      const PartChecksums& checksums) {
  const TensorSettings& settings = tensor.settings;
  if (settings.coding != Coding::kFixed) return append_modeless(text, tensor, report, checksums);
  const bool masked = report != nullptr && report->codebook.masked_code.has_value();
  fmt::format_to(std::back_inserter(text),
                 R"(,"shape":[{}],"dtype":"{}"{},"bits":{},"mode":{},"values":"{}",)"
                 R"("rescale":"{}"{}{})",
                 fmt::join(tensor.info.shape, ","), name_of(tensor.info.dtype),
                 masked ? fmt::format(R"(,"coding":"{}")", kMaskCoding) : "", settings.bits,
                 json_string(settings.mode), choice_name(kValuesChoices, settings.values),
                 choice_name(kRescaleChoices, settings.rescale), rules_text(settings),
                 channels_text(tensor));
  append_figures(text, report);
  fmt::format_to(std::back_inserter(text), R"(,"checksums":{{{}}}}})",
                 checksums_text(tensor, checksums));
}

void append_kept(std::string& text, const PlannedTensor& tensor, const PartChecksums& checksums) {
  fmt::format_to(std::back_inserter(text), R"(,"checksum":"{:08x}","reason":)",
                 checksums[Part::kData]);
  append_json_string(text, tensor.kept_reason);
  text += '}';
}

void append_tied(std::string& text, const Plan& plan, const PlannedTensor& tensor) {
  text += R"(,"same_as":)";
  append_json_string(text, plan.tensors[*tensor.same_as].info.name);
  text += '}';
}

/// Digits that are as hard to pack as those of a checksum.
PartChecksums some_checksums(const TensorInfo& info) {
  PartChecksums checksums;
  std::uint32_t before = 0;
  for (std::uint32_t& checksum : checksums.values) {
    before = crc32_of(std::as_bytes(std::span(info.name)), before + 1);
    checksum = before;
  }
  return checksums;
}

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Puts the texts into one that is packed.
void pack(Metadata& metadata) {
  std::vector<std::string> texts;
  const auto is_text = [](const auto& entry) {
    return std::ranges::find(kTextKeys, entry.first) != kTextKeys.end();
  };
  for (auto& entry : metadata) {
    if (is_text(entry)) texts.push_back(std::move(entry.second));
  }
  std::erase_if(metadata, is_text);
  metadata.emplace_back(kKeyPacked, pack_text(fmt::format("{}", fmt::join(texts, "\n"))));
}

/// The metadata with zeros for the header's checksum. Null report: the widest.
Metadata header_metadata(const HeaderPlan& header, Report* report,
                         std::span<const PartChecksums> checksums) {
  std::string quantized = "{";
  std::string kept = "{";
  std::string tied = "{";
  quantized.reserve(kTensorText * header.plan.tensors.size());
  for (std::size_t i = 0; i < header.plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = header.plan.tensors[i];
    std::string& text = tensor.same_as ? tied : tensor.quantized ? quantized : kept;
    append_member(text, tensor, header.shard.index_of(i));
    const PartChecksums sums = report == nullptr ? some_checksums(tensor.info) : checksums[i];
    if (tensor.same_as) {
      append_tied(text, header.plan, tensor);
    } else if (tensor.quantized) {
      append_quantized(text, tensor, report == nullptr ? nullptr : &report->tensors[i], sums);
    } else {
      append_kept(text, tensor, sums);
    }
  }
  for (std::string* text : {&quantized, &kept, &tied}) *text += '}';
  Metadata metadata = {{"format", std::string(kQuantizedFormat)},
                       {std::string(kKeyVersion), std::string(kQuantizedVersion)},
                       {std::string(kKeyHeaderChecksum), std::string(kNoChecksum)},
                       {std::string(kKeySettings), std::string(header.settings)},
                       {std::string(kKeyTensors), std::move(quantized)},
                       {std::string(kKeyKept), std::move(kept)}};
  if (tied != "{}") metadata.emplace_back(kKeyTied, std::move(tied));
  if (!header.shard.mark.empty()) metadata.emplace_back(kKeyShard, header.shard.mark);
  return metadata;
}

/// The JSON of a header. Beside codes that are stored at their entropy texts count, and are packed.
std::string header_json(const HeaderPlan& header, Report* report,
                        std::span<const PartChecksums> checksums) {
  Metadata metadata = header_metadata(header, report, checksums);
  if (has_coded(header.plan)) pack(metadata);
  return safetensors_json(metadata, header.entries);
}

/// Position of the checksum's digits. Quotes inside of JSON strings are escaped, so the key with
/// bare quotes stands nowhere else.
std::size_t find_checksum(std::string_view json) {
  const std::string key = fmt::format(R"("{}":")", kKeyHeaderChecksum);
  // Skips most of the text, which is long and full of quotes.
  const std::boyer_moore_horspool_searcher search(key.begin(), key.end());
  const auto found = std::search(json.begin(), json.end(), search);
  if (found == json.end() || std::search(found + 1, json.end(), search) != json.end()) {
    throw Error(fmt::format("header does not hold {} exactly once", kKeyHeaderChecksum));
  }
  const auto at = static_cast<std::size_t>(found - json.begin());
  if (json.size() - at < key.size() + kNoChecksum.size()) throw Error("header is cut off");
  return at + key.size();
}

nlohmann::ordered_json tensor_settings_json(const TensorSettings& settings) {
  nlohmann::ordered_json json = {{"bits", settings.bits},
                                 {"mode", settings.mode},
                                 {"values", choice_name(kValuesChoices, settings.values)},
                                 {"rescale", choice_name(kRescaleChoices, settings.rescale)},
                                 {"ratio", choice_name(kRatioRuleChoices, settings.ratio_rule)},
                                 {"range", choice_name(kRangeChoices, settings.range)}};
  if (settings.ratio_rule == RatioRule::kFixed) json["ratio"] = settings.ratio;
  if (settings.search != SearchRule::kAuto) {
    json["search"] = choice_name(kSearchChoices, settings.search);
  }
  if (settings.zero != Zero::kAuto) json["zero"] = choice_name(kZeroChoices, settings.zero);
  if (settings.balance != Balance::kOff) {
    json["balance"] = choice_name(kBalanceChoices, settings.balance);
  }
  if (settings.granularity != Granularity::kTensor) {
    json["granularity"] = granularity_text(settings);
  }
  if (settings.coding != Coding::kFixed) {
    json["coding"] = choice_name(kCodingChoices, settings.coding);
  }
  if (settings.axis) json["axis"] = *settings.axis;
  return json;
}

[[noreturn]] void fail_clash(std::string_view name, const PlannedTensor& one,
                             const PlannedTensor& other) {
  throw Error(fmt::format("\"{}\" and \"{}\" would both be stored as \"{}\"",
                          printable(one.info.name), printable(other.info.name), printable(name)),
              "rename one of them or leave one out with --exclude");
}

TensorInfo stored_info(const PlannedTensor& tensor, Part part) {
  const std::string name = stored_name(tensor.info.name, part);
  if (part == Part::kCodes) return {name, {part_size(tensor, part)}, Dtype::kU8};
  if (part == Part::kLevels) {
    return {name, {part_size(tensor, part) / size_of(tensor.levels)}, tensor.levels};
  }
  if (part == Part::kScales) return {name, {tensor.cells.cells}, Dtype::kF16};
  return {name, tensor.info.shape, tensor.quantized ? Dtype::kF16 : tensor.info.dtype};
}

}  // namespace

std::string_view part_name(Part part) {
  constexpr std::array<std::string_view, kParts.size()> kNames = {"data", "codes", "levels",
                                                                  "scales"};
  return kNames[static_cast<std::size_t>(part)];
}

std::string stored_name(std::string_view name, Part part) {
  if (part == Part::kData) return std::string(name);
  return fmt::format("{}.{}", name, part_name(part));
}

std::span<const Figure> figures() { return kFigures; }

std::vector<SafetensorsEntry> stored_entries(const Plan& plan) {
  std::vector<SafetensorsEntry> entries;
  std::unordered_map<std::string, std::size_t> owners;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    for (const Part part : kParts) {
      if (!has_part(tensor, part)) continue;
      entries.push_back(
          {stored_info(tensor, part), 0, i * kParts.size() + static_cast<std::size_t>(part)});
      const auto [owner, fresh] = owners.emplace(entries.back().info.name, i);
      if (!fresh) fail_clash(owner->first, plan.tensors[owner->second], tensor);
    }
  }
  place_entries(entries);
  return entries;
}

bool has_coded(const Plan& plan) {
  return std::ranges::any_of(plan.tensors, [](const PlannedTensor& tensor) {
    return tensor.quantized && tensor.settings.coding == Coding::kEntropy;
  });
}

void resize_entries(std::vector<SafetensorsEntry>& entries,
                    std::span<const PerPart<std::uint64_t>> sizes) {
  for (SafetensorsEntry& entry : entries) {
    const std::uint64_t size = sizes[tensor_of(entry)][part_of(entry)];
    if (size > 0) entry.info.shape = {size / size_of(entry.info.dtype)};
  }
  place_entries(entries);
}

std::string settings_text(const Settings& settings) {
  nlohmann::ordered_json json = tensor_settings_json(settings.tensor);
  json["rules"] = nlohmann::ordered_json::array();
  for (const SettingsRule& rule : settings.rules) {
    json["rules"].push_back({{"pattern", rule.pattern}, {"items", rule.items}});
  }
  if (settings.include) json["include"] = *settings.include;
  if (settings.exclude) json["exclude"] = *settings.exclude;
  json["all"] = settings.all;
  json["strict"] = settings.strict;
  json["nonfinite"] = choice_name(kNonFiniteChoices, settings.nonfinite);
  try {
    return json.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("a pattern or mode of the settings is not UTF-8", {}, ErrorKind::kUsage);
  }
}

std::uint64_t widest_header(const HeaderPlan& header) {
  const std::string json = safetensors_json(header_metadata(header, nullptr, {}), header.entries);
  if (!has_coded(header.plan)) return frame_safetensors_json(json).size();
  return (sizeof(std::uint64_t) + most_packed_bytes(json.size())) / sizeof(std::uint64_t) *
             sizeof(std::uint64_t) +
         sizeof(std::uint64_t);
}

std::uint64_t foreseen_header(const HeaderPlan& header) {
  return frame_safetensors_json(header_json(header, nullptr, {})).size();
}

std::string complete_header(const HeaderPlan& header, Report& report,
                            std::span<const PartChecksums> checksums, std::uint64_t size) {
  std::string text = frame_safetensors_json(header_json(header, &report, checksums), size);
  const std::size_t begin = sizeof(std::uint64_t);
  const std::string_view json = std::string_view(text).substr(begin);
  const std::string digits = checksum_text(header_checksum(json));
  text.replace(begin + find_checksum(json), digits.size(), digits);
  return text;
}

void unpack_texts(std::map<std::string, std::string>& metadata) {
  const auto packed = metadata.find(std::string(kKeyPacked));
  if (packed == metadata.end()) return;
  std::istringstream lines(unpack_text(packed->second, kMaxSafetensorsJson));
  for (const std::string_view key : kTextKeys) {
    std::string line;
    if (!std::getline(lines, line)) break;
    if (!metadata.emplace(key, std::move(line)).second) {
      throw Error(fmt::format("metadata has {} and {}", kKeyPacked, key));
    }
  }
  if (lines.peek() != std::istringstream::traits_type::eof()) {
    throw Error(fmt::format("metadata {} has too many lines", kKeyPacked));
  }
}

std::uint32_t header_checksum(std::string_view json) {
  const std::size_t digits = find_checksum(json);
  std::uint32_t checksum = 0;
  for (const std::string_view piece :
       {json.substr(0, digits), kNoChecksum, json.substr(digits + kNoChecksum.size())}) {
    checksum = crc32_of(std::as_bytes(std::span(piece)), checksum);
  }
  return checksum;
}

}  // namespace wquant
