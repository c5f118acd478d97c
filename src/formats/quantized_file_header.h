#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/setting_names.h"
#include "formats/safetensors_header.h"
#include "wquant/quantize.h"
#include "wquant/report.h"
#include "wquant/settings.h"

namespace wquant {

/// The text of the quantized file's header, shared by its writer and its reader. docs/format.md
/// describes it.

inline constexpr std::string_view kQuantizedFormat = "wquant";
inline constexpr std::string_view kQuantizedVersion = "1";
inline constexpr std::string_view kKeyVersion = "wquant.version";
inline constexpr std::string_view kKeyHeaderChecksum = "wquant.header_checksum";
inline constexpr std::string_view kKeySettings = "wquant.settings";
inline constexpr std::string_view kKeyTensors = "wquant.tensors";
inline constexpr std::string_view kKeyKept = "wquant.kept";
inline constexpr std::string_view kKeyTied = "wquant.tied";
inline constexpr std::string_view kKeyShard = "wquant.shard";
/// Takes the place of the keys of texts, see kTextKeys.
inline constexpr std::string_view kKeyPacked = "wquant.packed";

/// Keys of JSON texts, in the order of the lines of what is packed of them; the last may be
/// missing.
inline constexpr std::array kTextKeys = {kKeySettings, kKeyTensors, kKeyKept, kKeyTied};

inline constexpr std::array kParts = {Part::kData, Part::kCodes, Part::kLevels, Part::kScales};

/// One value for each part of a tensor.
template <typename T>
struct PerPart {
  std::array<T, kParts.size()> values{};
  T& operator[](Part part) { return values[static_cast<std::size_t>(part)]; }
  const T& operator[](Part part) const { return values[static_cast<std::size_t>(part)]; }
};
using PartChecksums = PerPart<std::uint32_t>;

/// "data", "codes", "levels", "scales"
std::string_view part_name(Part part);
/// Name under which a part of tensor `name` is stored: NAME, NAME.codes, NAME.levels,
/// NAME.scales.
std::string stored_name(std::string_view name, Part part);

/// A figure of the report that the header holds: its key and where it is.
struct Figure {
  const char* key;
  double& (*at)(TensorReport& report);
};
std::span<const Figure> figures();

/// Whether sizes of parts are known only after the run.
bool has_coded(const Plan& plan);

/// What is stored for a plan, in the order of the data. The tag of an entry is
/// kParts.size() * tensor + part. Throws Error for two parts of one name, naming both tensors.
std::vector<SafetensorsEntry> stored_entries(const Plan& plan);
/// Coding of a tensor whose codes stand beside a mask of zeros, see Codebook::masked_code. It takes
/// no more text than the widest figures leave: of the ten no more than two are ever negative, and
/// none that comes of float32 has an exponent of three digits.
inline constexpr std::string_view kMaskCoding = "mask";
/// Gives codes and levels the sizes in bytes that they turned out to have, by tensor; their order
/// stays.
void resize_entries(std::vector<SafetensorsEntry>& entries,
                    std::span<const PerPart<std::uint64_t>> sizes);
inline std::size_t tensor_of(const SafetensorsEntry& entry) { return entry.tag / kParts.size(); }
inline Part part_of(const SafetensorsEntry& entry) { return kParts[entry.tag % kParts.size()]; }

/// The settings as JSON text.
std::string settings_text(const Settings& settings);

/// Which file of a model in several files.
struct QuantizedShard {
  std::string mark;                  ///< "2/3"; empty: the file is the whole model.
  std::vector<std::size_t> indices;  ///< Of its tensors in the model.

  /// The place in the model of the file's tensor `tensor`.
  [[nodiscard]] std::size_t index_of(std::size_t tensor) const {
    return mark.empty() ? tensor : indices[tensor];
  }
};

/// The header of a file as plan, entries and settings determine it; what is known only after the
/// run is added by complete_header().
struct HeaderPlan {
  const Plan& plan;
  std::span<const SafetensorsEntry> entries;
  std::string_view settings;
  const QuantizedShard& shard;
};

/// The size of the framed header with the widest text that any figures can take. It is the size of
/// all headers of this plan unless sizes of parts are known only after the run: then none is
/// larger.
std::uint64_t widest_header(const HeaderPlan& header);
/// The size that the framed header will have, about so where it is not known.
std::uint64_t foreseen_header(const HeaderPlan& header);
/// The framed header, `size` bytes of it; 0: as many as it takes. Entry i of the report and the
/// checksums is tensor i of the plan.
std::string complete_header(const HeaderPlan& header, Report& report,
                            std::span<const PartChecksums> checksums, std::uint64_t size);

/// Puts the lines of what is packed under kTextKeys. Throws Error for what is no such text.
void unpack_texts(std::map<std::string, std::string>& metadata);

/// CRC-32 of the header's JSON (with padding) when the 8 digits of its own checksum read 00000000.
/// Throws Error when the JSON holds no checksum or more than one.
std::uint32_t header_checksum(std::string_view json);

}  // namespace wquant
