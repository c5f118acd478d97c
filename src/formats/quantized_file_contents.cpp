#include "formats/quantized_file_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_parts.h"
#include "formats/quantized_file_settings.h"
#include "formats/strict_json.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;

const std::string& metadata_text(const SafetensorsHeader& header, std::string_view key) {
  const auto found = header.metadata.find(std::string(key));
  if (found == header.metadata.end()) throw Error(fmt::format("metadata {} is missing", key));
  return found->second;
}

std::uint32_t parse_checksum(const std::string& text, const char* key) {
  const auto checksum = checksum_from_text(text);
  if (!checksum) throw Error(fmt::format("{} is not 8 lower-case hexadecimal digits", key));
  return *checksum;
}

/// What a figure reads when it is null: it was not finite.
double null_figure(std::string_view key) {
  return key == "snr_db" ? std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
}

void parse_figures(const json& object, TensorReport& report) {
  for (const Figure& figure : figures()) {
    const auto found = object.find(figure.key);
    double& value = figure.at(report);
    if (found == object.end()) {
      // The header says little of a tensor without a mode.
      value = report.settings.coding == Coding::kFixed ? 0 : null_figure("");
    } else if (found->is_null()) {
      value = null_figure(figure.key);
    } else if (found->is_number()) {
      value = found->get<double>();
    } else {
      throw Error(fmt::format("{} is not a number", figure.key));
    }
  }
}

TensorInfo parse_info(const std::string& name, const json& object) {
  const std::string& dtype_name = json_text(object, "dtype");
  const std::optional<Dtype> dtype = dtype_from_name(dtype_name);
  if (!dtype || !is_quantizable(*dtype)) {
    throw Error(fmt::format("dtype \"{}\" cannot be quantized", printable(dtype_name, 40)));
  }
  TensorInfo info{name, json_u64_array(object, "shape"), *dtype};
  checked_count(info.shape, size_of(info.dtype));
  return info;
}

/// The stored entries of the file, each to be used by one tensor.
class Parts {
 public:
  Parts(std::span<const std::byte> file, const SafetensorsHeader& header)
      : data_(file.subspan(header.data_begin)) {
    for (const SafetensorsEntry& entry : header.entries) unused_[entry.info.name] = &entry;
  }

  const SafetensorsEntry& take(const std::string& name) {
    const auto found = unused_.find(name);
    if (found == unused_.end()) throw Error(fmt::format("\"{}\" is missing", printable(name)));
    return *unused_.extract(found).mapped();
  }

  [[nodiscard]] std::span<const std::byte> bytes(const SafetensorsEntry& entry) const {
    return data_.subspan(entry.begin, entry.info.bytes());
  }

  void check_all_used() const {
    if (unused_.empty()) return;
    throw Error("is stored, but the header does not say what it is")
        .at_tensor(unused_.begin()->first);
  }

 private:
  std::span<const std::byte> data_;
  std::unordered_map<std::string, const SafetensorsEntry*> unused_;
};

/// Throws Error unless the entry is a vector of `count` elements.
void check_vector(const SafetensorsEntry& entry, Part part, Dtype dtype, std::uint64_t count) {
  if (entry.info.dtype == dtype && entry.info.shape == std::vector{count}) return;
  throw Error(fmt::format("{} are {} of {} where {} of [{}] belong", part_name(part),
                          name_of(entry.info.dtype), shape_text(entry.info.shape), name_of(dtype),
                          count));
}

/// Weights that are stored as F16.
void take_halves(StoredTensor& tensor, Parts& parts) {
  const TensorInfo& info = tensor.report.info;
  const SafetensorsEntry& entry = parts.take(stored_name(info.name, Part::kData));
  if (entry.info.dtype != Dtype::kF16 || entry.info.shape != info.shape) {
    throw Error(fmt::format("weights are {} of {} where F16 of {} belong",
                            name_of(entry.info.dtype), shape_text(entry.info.shape),
                            shape_text(info.shape)));
  }
  tensor.parts[Part::kData] = parts.bytes(entry);
}

/// Codes that are stored at their entropy.
void take_coded(StoredTensor& tensor, const SafetensorsEntry& entry, Parts& parts) {
  check_vector(entry, Part::kCodes, Dtype::kU8, entry.info.bytes());
  const std::span<const std::byte> bytes = parts.bytes(entry);
  tensor.parts[Part::kCodes] = bytes;
  tensor.report.coded_bytes = bytes.size();
  tensor.coded = std::make_shared<CodedTensor>(
      std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
      tensor.report.info.count());
}

/// Codes beside a mask of zeros.
void take_masked(StoredTensor& tensor, const SafetensorsEntry& entry, Parts& parts) {
  check_vector(entry, Part::kCodes, Dtype::kU8, entry.info.bytes());
  TensorReport& report = tensor.report;
  tensor.parts[Part::kCodes] = parts.bytes(entry);
  report.coded_bytes = entry.info.bytes();
  tensor.masked =
      std::make_shared<MaskedCodes>(parts.bytes(entry), report.info.count(), report.settings.bits);
}

void take_codes(const json& object, StoredTensor& tensor, Parts& parts) {
  const TensorReport& report = tensor.report;
  const SafetensorsEntry& entry = parts.take(stored_name(report.info.name, Part::kCodes));
  if (report.settings.coding == Coding::kEntropy) return take_coded(tensor, entry, parts);
  if (has_mask(object)) return take_masked(tensor, entry, parts);
  const auto bits = static_cast<std::uint64_t>(report.settings.bits);
  // First the count itself: a made-up shape must not overflow its number of bits.
  if (report.info.count() > entry.info.bytes() * 8 / bits) {
    throw Error(fmt::format("codes of {} bytes are too few for shape {} at {} bits",
                            entry.info.bytes(), shape_text(report.info.shape), bits));
  }
  check_vector(entry, Part::kCodes, Dtype::kU8,
               packed_size(report.info.count(), report.settings.bits));
  tensor.parts[Part::kCodes] = parts.bytes(entry);
}

void take_levels(StoredTensor& tensor, Parts& parts) {
  const SafetensorsEntry& entry = parts.take(stored_name(tensor.report.info.name, Part::kLevels));
  const int bits = tensor.report.settings.bits;
  const std::uint64_t count = tensor.coded ? tensor.coded->levels() : std::uint64_t{1} << bits;
  if (entry.info.dtype == Dtype::kF16 && !tensor.coded) tensor.levels = Dtype::kF16;
  check_vector(entry, Part::kLevels, tensor.levels, count);
  tensor.parts[Part::kLevels] = parts.bytes(entry);
  std::vector<float>& levels = tensor.report.codebook.levels;
  levels = stored_levels(tensor.levels, parts.bytes(entry));
  if (!tensor.masked) return;
  const auto below_zero = std::ranges::count_if(levels, [](float level) { return level < 0; });
  tensor.report.codebook.masked_code = static_cast<std::uint8_t>(below_zero);
}

void take_scales(const json& object, StoredTensor& tensor, Parts& parts) {
  TensorReport& report = tensor.report;
  report.cells.granularity = report.settings.granularity;
  if (!report.cells.has_scales()) return;
  report.cells.axis = report.settings.axis.value_or(0);
  const SafetensorsEntry& entry = parts.take(stored_name(report.info.name, Part::kScales));
  report.cells.run = json_u64(object, "run");
  report.cells.cells = entry.info.count();
  check_vector(entry, Part::kScales, Dtype::kF16, report.cells.cells);
  if (!divides(report.cells, report.info.count())) {
    throw Error(fmt::format("{} scales for runs of {} weights do not divide {}", report.cells.cells,
                            report.cells.run, report.info.count()));
  }
  tensor.parts[Part::kScales] = parts.bytes(entry);
}

StoredTensor parse_tensor(const std::string& name, const json& object, Parts& parts) {
  StoredTensor tensor;
  TensorReport& report = tensor.report;
  report.info = parse_info(name, object);
  report.quantized = true;
  report.settings = parse_settings(object);
  report.codebook.bits = report.settings.bits;
  parse_figures(object, report);
  if (report.settings.coding != Coding::kFixed) report.codebook.ratio = 1;
  if (report.settings.ratio_rule == RatioRule::kFixed) {
    report.settings.ratio = report.codebook.ratio;
  }
  const json& checksums = json_member(object, "checksums", json::value_t::object);
  for (const Part part : kParts) {
    if (!has_part(report, part)) continue;
    const char* key = part_name(part).data();
    tensor.checksums[part] = parse_checksum(json_text(checksums, key), key);
  }
  if (report.is_f16()) {
    take_halves(tensor, parts);
    return tensor;
  }
  take_codes(object, tensor, parts);
  take_levels(tensor, parts);
  take_scales(object, tensor, parts);
  return tensor;
}

StoredTensor parse_kept(const std::string& name, const json& object, Parts& parts) {
  const SafetensorsEntry& entry = parts.take(name);
  StoredTensor tensor;
  tensor.report.info = entry.info;
  tensor.report.kept_reason = json_text(object, "reason");
  tensor.checksums[Part::kData] = parse_checksum(json_text(object, "checksum"), "checksum");
  tensor.parts[Part::kData] = parts.bytes(entry);
  return tensor;
}

/// Collects tensors and puts them at the indices that the header gives them.
class Order {
 public:
  void add(StoredTensor tensor) {
    for (const auto part : tensor.parts.values) tensor.report.bytes += part.size();
    place(std::move(tensor));
  }

  /// Adds a tensor that is the same as one that came before.
  void add_tied(std::uint64_t index, const std::string& name, const std::string& first) {
    const auto found = names_.find(first);
    if (found == names_.end() || found->second >= index) {
      throw Error(fmt::format("is tied to \"{}\", which is no tensor before it", printable(first)));
    }
    StoredTensor tensor = tensors_.at(found->second);
    if (tensor.same_as) throw Error("is tied to a tensor that is tied itself");
    tensor.same_as = found->second;
    tensor.report.info.name = name;
    tensor.report.same_as = first;
    tensor.report.bytes = 0;
    tensor.index = index;
    place(std::move(tensor));
  }

  /// Throws Error unless the indices are 0, 1, ...
  void check_complete() const {
    std::uint64_t due = 0;
    for (const auto& [index, tensor] : tensors_) {
      if (index != due) {
        throw Error(fmt::format("index {} where {} is due", index, due))
            .at_tensor(tensor.report.info.name);
      }
      ++due;
    }
  }

  std::vector<StoredTensor> release() {
    std::vector<StoredTensor> ordered;
    for (auto& [index, tensor] : tensors_) ordered.push_back(std::move(tensor));
    return ordered;
  }

 private:
  void place(StoredTensor&& tensor) {
    const std::uint64_t index = tensor.index;
    if (!names_.emplace(tensor.report.info.name, index).second) {
      throw Error("is described twice: quantized, kept or tied");
    }
    const auto [other, fresh] = tensors_.try_emplace(index, std::move(tensor));
    if (!fresh) {
      throw Error(fmt::format("index {} belongs to \"{}\" too", index,
                              printable(other->second.report.info.name)));
    }
  }

  std::map<std::uint64_t, StoredTensor> tensors_;
  std::unordered_map<std::string, std::uint64_t> names_;  // With their indices.
};

/// Adds the tied tensors, which share the parts of others.
void parse_tied(const SafetensorsHeader& header, Order& order) {
  if (!header.metadata.contains(std::string(kKeyTied))) return;
  const auto take = [&](const std::string& name, const json& object) {
    try {
      if (!object.is_object()) throw Error("its description is not an object");
      order.add_tied(json_u64(object, "index"), name, json_text(object, "same_as"));
    } catch (Error& error) {
      error.at_tensor(name);
      throw;
    }
  };
  parse_json_members(metadata_text(header, kKeyTied), kKeyTied, take);
}

using ParseOne = StoredTensor (*)(const std::string&, const json&, Parts&);

/// The file that is being parsed.
struct ParsedFile {
  const SafetensorsHeader& header;
  Parts& parts;
  std::size_t number;
};

void parse_all(const ParsedFile& file, std::string_view key, ParseOne parse_one, Order& order) {
  const auto take = [&](const std::string& name, const json& object) {
    try {
      if (!object.is_object()) throw Error("its description is not an object");
      StoredTensor tensor = parse_one(name, object, file.parts);
      tensor.index = json_u64(object, "index");
      tensor.file = file.number;
      order.add(std::move(tensor));
    } catch (Error& error) {
      error.at_tensor(name);
      throw;
    }
  };
  parse_json_members(metadata_text(file.header, key), key, take);
}

/// Returns the checksum of the header.
std::uint32_t check_header(const SafetensorsHeader& header) {
  if (metadata_text(header, "format") != kQuantizedFormat) {
    throw Error(fmt::format("metadata format is not \"{}\"", kQuantizedFormat));
  }
  const std::string& version = metadata_text(header, kKeyVersion);
  if (version != kQuantizedVersion) {
    throw Error(fmt::format("file format version \"{}\" is not known", printable(version, 40)),
                "use a newer wquant");
  }
  const std::uint32_t stored =
      parse_checksum(metadata_text(header, kKeyHeaderChecksum), kKeyHeaderChecksum.data());
  const std::uint32_t computed = header_checksum(header.json);
  if (stored != computed) {
    throw Error(fmt::format("header has checksum {} where {} is stored", checksum_text(computed),
                            checksum_text(stored)),
                "the file is damaged: get it again");
  }
  return stored;
}

}  // namespace

bool has_part(const TensorReport& tensor, Part part) {
  if (part == Part::kScales) return tensor.settings.granularity != Granularity::kTensor;
  const bool is_data = !tensor.quantized || tensor.is_f16();
  return is_data == (part == Part::kData);
}

struct QuantizedParser::State {
  Order order;
  QuantizedContents contents;
  std::size_t files = 0;
};

QuantizedParser::QuantizedParser() : state_(std::make_unique<State>()) {}
QuantizedParser::~QuantizedParser() = default;

std::uint32_t QuantizedParser::add(std::span<const std::byte> file) {
  SafetensorsHeader header = parse_safetensors_header(file);
  const std::uint32_t checksum = check_header(header);
  unpack_texts(header.metadata);
  QuantizedContents& contents = state_->contents;
  contents.header_bytes += header.data_begin;
  contents.settings = metadata_text(header, kKeySettings);
  parse_json_members(contents.settings, kKeySettings, [](const std::string&, const json&) {});
  contents.shard = header.metadata[std::string(kKeyShard)];
  Parts parts(file, header);
  const ParsedFile parsed{header, parts, state_->files++};
  parse_all(parsed, kKeyTensors, parse_tensor, state_->order);
  parse_all(parsed, kKeyKept, parse_kept, state_->order);
  parts.check_all_used();
  parse_tied(header, state_->order);
  return checksum;
}

QuantizedContents QuantizedParser::finish() {
  if (state_->files > 1) state_->contents.shard.clear();
  if (state_->contents.shard.empty()) state_->order.check_complete();
  state_->contents.tensors = state_->order.release();
  return std::move(state_->contents);
}

}  // namespace wquant
