#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "base/float_convert.h"
#include "base/float_environment.h"
#include "base/mapped_file.h"
#include "base/meter.h"
#include "base/text.h"
#include "coding/rans.h"
#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_contents.h"
#include "formats/quantized_file_parts.h"
#include "formats/safetensors_shards.h"
#include "formats/shard_index.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Elements decoded at a time: a block of codes that are stored at their entropy is decoded whole.
constexpr std::uint64_t kDecodeSlab = kBlockCodes;

std::uint64_t offset_in(const MappedFile& file, std::span<const std::byte> bytes) {
  return static_cast<std::uint64_t>(bytes.data() - file.bytes().data());
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
  if (tensor.report.is_f16()) {
    const std::uint64_t size = size_of(Dtype::kF16);
    const std::span<const std::byte> halves = tensor.parts[Part::kData];
    return to_floats(Dtype::kF16, halves.subspan(first * size, out.size() * size), out);
  }
  const std::span<const std::byte> codes = tensor.parts[Part::kCodes];
  if (tensor.coded) {
    decode_coded(tensor, first, out);
  } else if (tensor.masked) {
    tensor.masked->read(first, tensor.report.codebook.levels, out);
  } else {
    decode({reinterpret_cast<const std::uint8_t*>(codes.data()), codes.size()}, first,
           tensor.report.settings.bits, tensor.report.codebook.levels, out);
  }
  if (tensor.report.cells.has_scales()) {
    apply_scales(tensor.report.cells, tensor.parts[Part::kScales], first, out);
  }
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

/// Decodes all blocks of codes that are stored at their entropy.
void check_coded(const StoredTensor& tensor, const MappedFile& file) {
  const std::uint64_t begin = offset_in(file, tensor.parts[Part::kCodes]);
  const std::uint64_t size = size_of(tensor.report.info.dtype);
  const std::uint64_t count = tensor.report.info.count();
  std::vector<std::uint8_t> codes(kBlockCodes);
  std::uint64_t done = 0;
  for (std::uint64_t first = 0; first < count; first += kBlockCodes) {
    const std::uint64_t block = std::min(count - first, kBlockCodes);
    tensor.coded->read(first, std::span(codes).first(block));
    const std::uint64_t end = coded_before(tensor, (first + block) * size);
    file.release(begin + done, end - done);
    done = end;
  }
}

void check_part(const StoredTensor& tensor, Part part, const MappedFile& file, Meter& meter) {
  const std::span<const std::byte> bytes = tensor.parts[part];
  const std::uint64_t begin = bytes.empty() ? 0 : offset_in(file, bytes);
  const std::uint32_t checksum =
      crc32_of(file, begin, bytes.size(), 0, [&](std::uint64_t done) { meter.add(done); });
  const std::uint32_t stored = tensor.checksums[part];
  if (checksum != stored) {
    throw Error(fmt::format("{} have checksum {} where {} is stored", part_name(part),
                            checksum_text(checksum), checksum_text(stored)),
                "the file is damaged: get it again");
  }
  if (part == Part::kCodes && tensor.coded) return check_coded(tensor, file);
  if (part == Part::kCodes && tensor.masked) return;  // Checked when it was opened.
  check_part(part, tensor.levels, bytes, tensor.report.info.count(), tensor.report.settings.bits);
}

void check_tensor(const StoredTensor& tensor, const MappedFile& file, Meter& meter) {
  for (const Part part : kParts) {
    if (has_part(tensor.report, part)) check_part(tensor, part, file, meter);
  }
}

}  // namespace

struct QuantizedModel::State {
  explicit State(const std::filesystem::path& the_path) : path(the_path.string()) {
    if (has_shard_index(the_path, kSafetensorsIndex)) {
      add_shards();
    } else {
      add_file(the_path);
    }
    contents = parser.finish();
    report.output = path;
    report.header_bytes += contents.header_bytes;
    for (const StoredTensor& tensor : contents.tensors) {
      report.tensors.push_back(tensor.report);
      tensors.push_back(tensor.report.info);
    }
  }

  /// Returns the checksum of the file's header.
  std::uint32_t add_file(const std::filesystem::path& file) {
    try {
      const std::span<const std::byte> bytes = files.emplace_back(file).bytes();
      report.file_bytes += bytes.size();
      return parser.add(bytes);
    } catch (Error& error) {
      error.at_file(file.string());
      throw;
    }
  }

  void add_shards() {
    static_cast<void>(open_safetensors_shards(path));  // Checks the index against the files.
    const ShardIndex index = read_shard_index(path, kSafetensorsIndex);
    std::set<std::string> unique;
    for (const ShardIndex::Entry& entry : index.entries) unique.insert(entry.file);
    names.assign(unique.begin(), unique.end());
    for (const std::string& name : names) {
      const std::filesystem::path file = index.path.parent_path() / name;
      check_belongs(index, name, checksum_text(add_file(file)));
    }
    const std::uint64_t size = std::filesystem::file_size(index.path);
    report.header_bytes += size;
    report.file_bytes += size;
  }

  /// Throws Error for a file that is whole, but not the one that the index was written with.
  static void check_belongs(const ShardIndex& index, const std::string& name,
                            const std::string& checksum) {
    const auto expected = index.checksums.find(name);
    if (expected != index.checksums.end() && expected->second == checksum) return;
    throw Error(
        fmt::format("its header has checksum {} where the index has {}", checksum,
                    expected == index.checksums.end() ? "none" : printable(expected->second, 40)),
        "the files are not of one model: get them again")
        .at_file((index.path.parent_path() / name).string());
  }

  /// Throws Error unless bytes [first, first + size) lie within the tensor.
  void check_range(std::size_t index, std::uint64_t first, std::uint64_t size) const {
    const std::uint64_t bytes = tensors[index].bytes();
    if (first <= bytes && size <= bytes - first) return;
    throw Error("range lies outside the tensor").at_tensor(tensors[index].name).at_file(path);
  }

  [[nodiscard]] const MappedFile& file_of(const StoredTensor& tensor) const {
    return files[tensor.file];
  }

  std::string path;
  std::deque<MappedFile> files;
  std::vector<std::string> names;  ///< Of the files, where there is an index.
  QuantizedParser parser;
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
const std::string& QuantizedModel::shard() const { return state_->contents.shard; }

std::string_view QuantizedModel::format() const {
  return state_->names.empty() ? "wquant" : "wquant-shards";
}

std::string_view QuantizedModel::file_of(std::size_t index) const {
  if (state_->names.empty()) return {};
  return state_->names[state_->contents.tensors[index].file];
}

void QuantizedModel::read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const {
  state_->check_range(index, first, out.size());
  if (out.empty()) return;
  const FloatEnvironment environment;
  const StoredTensor& tensor = state_->contents.tensors[index];
  if (!tensor.report.quantized) {
    std::memcpy(out.data(), tensor.parts[Part::kData].data() + first, out.size());
  } else if (is_float_array(tensor, first, out)) {
    decode_floats(tensor, first / sizeof(float),
                  {reinterpret_cast<float*>(out.data()), out.size() / sizeof(float)});
  } else {
    decode_bytes(tensor, first, out);
  }
}

std::span<const std::byte> QuantizedModel::view(std::size_t index) const {
  const StoredTensor& tensor = state_->contents.tensors[index];
  const bool is_original = !tensor.report.is_f16() || tensor.report.info.dtype == Dtype::kF16;
  return is_original ? tensor.parts[Part::kData] : std::span<const std::byte>();
}

void QuantizedModel::release(std::size_t index, std::uint64_t first, std::uint64_t size) const {
  const StoredTensor& tensor = state_->contents.tensors[index];
  if (tensor.report.bytes == 0) return;
  const MappedFile& file = state_->file_of(tensor);
  if (!tensor.report.quantized) {
    return file.release(offset_in(file, tensor.parts[Part::kData]) + first, size);
  }
  const TensorInfo& info = tensor.report.info;
  const auto packed = [&](std::uint64_t byte) {
    if (tensor.coded || tensor.masked) return coded_before(tensor, byte);
    const std::uint64_t weights = byte / size_of(info.dtype);
    return tensor.report.is_f16() ? weights * size_of(Dtype::kF16)
                                  : packed_size(weights, tensor.report.settings.bits);
  };
  const Part part = tensor.report.is_f16() ? Part::kData : Part::kCodes;
  const std::uint64_t begin = offset_in(file, tensor.parts[part]);
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
      check_tensor(tensor, state_->file_of(tensor), meter);
    } catch (Error& error) {
      error.at_tensor(tensor.report.info.name).at_file(state_->path);
      throw;
    }
  }
}

bool is_quantized_shards(const std::filesystem::path& path) {
  if (!has_shard_index(path, kSafetensorsIndex)) return false;
  try {
    const ShardIndex index = read_shard_index(path, kSafetensorsIndex);
    return is_quantized_safetensors(index.path.parent_path() / index.entries.front().file);
  } catch (const Error&) {
    return false;  // Opening it tells what is wrong.
  }
}

bool is_quantized_safetensors(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  try {
    const MappedFile file(path);
    const std::string_view json = find_safetensors_json(file.bytes());
    if (json.find(kQuantizedFormat) == std::string_view::npos) return false;
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
