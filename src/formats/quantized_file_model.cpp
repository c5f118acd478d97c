#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/cell_walk.h"
#include "base/float_convert.h"
#include "base/mapped_file.h"
#include "base/meter.h"
#include "coding/rans.h"
#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_contents.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kSlab = std::uint64_t{4} << 20;  ///< Bytes checked at a time.
/// Elements decoded at a time: a block of codes that are stored at their entropy is decoded whole.
constexpr std::uint64_t kDecodeSlab = kBlockCodes;
constexpr const char* kDamaged = "the file is damaged: get it again";

std::uint64_t offset_in(const MappedFile& file, std::span<const std::byte> bytes) {
  return static_cast<std::uint64_t>(bytes.data() - file.bytes().data());
}

/// Multiplies levels of weights from `first` on by the scales of their cells.
void apply_scales(const StoredTensor& tensor, std::uint64_t first, std::span<float> levels) {
  const auto scale = [&](std::uint64_t cell) {
    constexpr std::size_t kSize = sizeof(std::uint16_t);
    float value = 0;
    to_floats(Dtype::kF16, tensor.parts[Part::kScales].subspan(cell * kSize, kSize), {&value, 1});
    return value;
  };
  for_each_run(tensor.report.cells, first, levels.size(),
               [&](std::uint64_t cell, std::uint64_t from, std::uint64_t count) {
                 const float factor = scale(cell);
                 for (std::uint64_t i = from; i < from + count; ++i) levels[i] *= factor;
               });
}

/// The levels of codes that are stored at their entropy.
void decode_coded(const StoredTensor& tensor, std::uint64_t first, std::span<float> out) {
  const std::vector<float>& levels = tensor.report.codebook.levels;
  std::vector<std::uint8_t> codes(std::min(out.size(), kBlockCodes));
  while (!out.empty()) {
    // Up to the end of a block, so that none is decoded twice.
    const std::size_t count = std::min(out.size(), kBlockCodes - first % kBlockCodes);
    tensor.coded->read(first, std::span(codes).first(count));
    for (std::size_t i = 0; i < count; ++i) out[i] = levels[codes[i]];
    out = out.subspan(count);
    first += count;
  }
}

void decode_floats(const StoredTensor& tensor, std::uint64_t first, std::span<float> out) {
  if (tensor.coded) {
    decode_coded(tensor, first, out);
    if (tensor.report.cells.has_scales()) apply_scales(tensor, first, out);
    return;
  }
  const std::span<const std::byte> codes = tensor.parts[Part::kCodes];
  decode({reinterpret_cast<const std::uint8_t*>(codes.data()), codes.size()}, first,
         tensor.report.settings.bits, tensor.report.codebook.levels, out);
  if (tensor.report.cells.has_scales()) apply_scales(tensor, first, out);
}

/// True when `out` can be filled as an array of float32 elements.
bool is_float_array(const StoredTensor& tensor, std::uint64_t first, std::span<std::byte> out) {
  return tensor.report.info.dtype == Dtype::kF32 && first % sizeof(float) == 0 &&
         out.size() % sizeof(float) == 0 &&
         reinterpret_cast<std::uintptr_t>(out.data()) % alignof(float) == 0;
}

/// Decodes in the tensor's own dtype; the range may begin and end inside of an element.
void decode_bytes(const StoredTensor& tensor, std::uint64_t first, std::span<std::byte> out) {
  const Dtype dtype = tensor.report.info.dtype;
  const std::uint64_t size = size_of(dtype);
  std::vector<float> floats(std::min(kDecodeSlab, out.size() / size + 2));
  std::vector<std::byte> elements(floats.size() * size);
  while (!out.empty()) {
    const std::uint64_t element = first / size;
    const std::uint64_t skip = first % size;
    const std::uint64_t count = std::min(floats.size(), (skip + out.size() + size - 1) / size);
    decode_floats(tensor, element, std::span(floats).first(count));
    from_floats(dtype, std::span(floats).first(count), std::span(elements).first(count * size));
    const std::uint64_t length = std::min(out.size(), count * size - skip);
    std::memcpy(out.data(), elements.data() + skip, length);
    out = out.subspan(length);
    first += length;
  }
}

/// About where the codes of the elements before a byte of the tensor end.
std::uint64_t coded_before(const StoredTensor& tensor, std::uint64_t byte) {
  const auto share = static_cast<double>(byte) / static_cast<double>(tensor.report.info.bytes());
  return static_cast<std::uint64_t>(share * static_cast<double>(tensor.report.coded_bytes));
}

void check_part(const StoredTensor& tensor, Part part, const MappedFile& file, Meter& meter) {
  const std::span<const std::byte> bytes = tensor.parts[part];
  std::uint32_t checksum = 0;
  for (std::uint64_t first = 0; first < bytes.size(); first += kSlab) {
    const auto slab = bytes.subspan(first, std::min<std::uint64_t>(kSlab, bytes.size() - first));
    checksum = crc32_of(slab, checksum);
    file.release(offset_in(file, slab), slab.size());
    meter.add(slab.size());
  }
  const std::uint32_t stored = tensor.checksums[part];
  if (checksum != stored) {
    throw Error(fmt::format("{} have checksum {} where {} is stored", part_name(part),
                            checksum_text(checksum), checksum_text(stored)),
                kDamaged);
  }
}

void check_levels(std::span<const float> levels) {
  if (!std::all_of(levels.begin(), levels.end(),
                   [](float level) { return std::isfinite(level); })) {
    throw Error("levels are not all finite", kDamaged);
  }
  if (!std::is_sorted(levels.begin(), levels.end())) throw Error("levels do not ascend", kDamaged);
}

void check_scales(std::span<const std::byte> halves) {
  constexpr std::size_t kSize = sizeof(std::uint16_t);
  constexpr std::uint16_t kInfinity = 0x7C00;  // NaN and negative ones have larger patterns.
  for (std::size_t at = 0; at < halves.size(); at += kSize) {
    std::uint16_t half = 0;
    std::memcpy(&half, halves.data() + at, kSize);
    if (half >= kInfinity) throw Error("scales are not all finite and positive or 0", kDamaged);
  }
}

/// Decodes all blocks of codes that are stored at their entropy.
void check_coded(const StoredTensor& tensor) {
  std::vector<std::uint8_t> codes(kBlockCodes);
  const std::uint64_t count = tensor.report.info.count();
  for (std::uint64_t first = 0; first < count; first += kBlockCodes) {
    tensor.coded->read(first, std::span(codes).first(std::min(count - first, kBlockCodes)));
  }
}

/// The bits of the last byte that belong to no code must be 0.
void check_unused_bits(const StoredTensor& tensor) {
  const std::span<const std::byte> codes = tensor.parts[Part::kCodes];
  const auto bits = static_cast<std::uint64_t>(tensor.report.settings.bits);
  const std::uint64_t used = tensor.report.info.count() * bits % 8;
  if (used != 0 && std::to_integer<unsigned>(codes.back()) >> used != 0) {
    throw Error("unused bits of the codes are not 0", kDamaged);
  }
}

void check_tensor(const StoredTensor& tensor, const MappedFile& file, Meter& meter) {
  for (const Part part : kParts) {
    if (part == Part::kScales && !tensor.report.cells.has_scales()) continue;
    if (tensor.report.quantized != (part == Part::kKept)) check_part(tensor, part, file, meter);
  }
  if (!tensor.report.quantized) return;
  check_levels(tensor.report.codebook.levels);
  check_scales(tensor.parts[Part::kScales]);
  if (tensor.coded) return check_coded(tensor);
  check_unused_bits(tensor);
}

}  // namespace

struct QuantizedModel::State {
  explicit State(const std::filesystem::path& the_path)
      : path(the_path.string()), file(the_path), contents(parse_quantized(file.bytes())) {
    report.output = path;
    report.header_bytes = contents.header_bytes;
    report.file_bytes = file.bytes().size();
    for (const StoredTensor& tensor : contents.tensors) {
      report.tensors.push_back(tensor.report);
      tensors.push_back(tensor.report.info);
    }
  }

  /// Throws Error unless bytes [first, first + size) lie within the tensor.
  void check_range(std::size_t index, std::uint64_t first, std::uint64_t size) const {
    const std::uint64_t bytes = tensors[index].bytes();
    if (first <= bytes && size <= bytes - first) return;
    throw Error("range lies outside the tensor").at_tensor(tensors[index].name).at_file(path);
  }

  std::string path;
  MappedFile file;
  QuantizedContents contents;
  Report report;
  std::vector<TensorInfo> tensors;
};

QuantizedModel::QuantizedModel(const std::filesystem::path& path) {
  try {
    state_ = std::make_unique<State>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

QuantizedModel::~QuantizedModel() = default;

const std::string& QuantizedModel::path() const { return state_->path; }
const std::vector<TensorInfo>& QuantizedModel::tensors() const { return state_->tensors; }
const Report& QuantizedModel::report() const { return state_->report; }
const std::string& QuantizedModel::settings_json() const { return state_->contents.settings; }

void QuantizedModel::read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const {
  state_->check_range(index, first, out.size());
  if (out.empty()) return;
  const StoredTensor& tensor = state_->contents.tensors[index];
  if (!tensor.report.quantized) {
    std::memcpy(out.data(), tensor.parts[Part::kKept].data() + first, out.size());
  } else if (is_float_array(tensor, first, out)) {
    decode_floats(tensor, first / sizeof(float),
                  {reinterpret_cast<float*>(out.data()), out.size() / sizeof(float)});
  } else {
    decode_bytes(tensor, first, out);
  }
}

std::span<const std::byte> QuantizedModel::view(std::size_t index) const {
  return state_->contents.tensors[index].parts[Part::kKept];
}

void QuantizedModel::release(std::size_t index, std::uint64_t first, std::uint64_t size) const {
  const StoredTensor& tensor = state_->contents.tensors[index];
  if (tensor.report.bytes == 0) return;
  const MappedFile& file = state_->file;
  if (!tensor.report.quantized) {
    return file.release(offset_in(file, tensor.parts[Part::kKept]) + first, size);
  }
  const TensorInfo& info = tensor.report.info;
  const auto packed = [&](std::uint64_t byte) {
    if (tensor.coded) return coded_before(tensor, byte);
    return packed_size(byte / size_of(info.dtype), tensor.report.settings.bits);
  };
  const std::uint64_t begin = offset_in(file, tensor.parts[Part::kCodes]);
  file.release(begin + packed(first), packed(first + size) - packed(first));
}

std::size_t QuantizedModel::same_as(std::size_t index) const {
  return state_->contents.tensors[index].same_as.value_or(index);
}

void QuantizedModel::verify(const RunOptions& options) const {
  std::uint64_t total = 0;
  for (const TensorReport& tensor : state_->report.tensors) total += tensor.bytes;
  Meter meter(options, total);
  for (const StoredTensor& tensor : state_->contents.tensors) {
    if (tensor.same_as) continue;
    try {
      check_tensor(tensor, state_->file, meter);
    } catch (Error& error) {
      error.at_tensor(tensor.report.info.name).at_file(state_->path);
      throw;
    }
  }
}

bool is_quantized_safetensors(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  try {
    const MappedFile file(path);
    const auto metadata = parse_safetensors_header(file.bytes()).metadata;
    const auto format = metadata.find("format");
    // The version alone will do, so that a damaged file is not taken for a plain one.
    return (format != metadata.end() && format->second == kQuantizedFormat) ||
           metadata.contains(std::string(kKeyVersion));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace wquant
