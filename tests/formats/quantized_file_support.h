#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
#include "formats/safetensors_support.h"

namespace wquant::test {

/// A plan with hand-made parts for its tensors and figures for its report.
struct Sample {
  Plan plan;
  Settings settings;
  Report report;
  std::vector<PerPart<std::string>> parts;   ///< Entry i: tensor i.
  std::vector<std::vector<unsigned>> codes;  ///< Of the quantized ones.
  std::vector<std::vector<float>> levels;

  void add_kept(std::string name, std::vector<std::uint64_t> shape, Dtype dtype) {
    PlannedTensor tensor;
    tensor.info = {std::move(name), std::move(shape), dtype};
    tensor.kept_reason = "it has less than 2 dimensions";
    PerPart<std::string> part;
    for (std::uint64_t i = 0; i < tensor.info.bytes(); ++i) {
      part[Part::kData] += static_cast<char>((i * 29 + 3) % 64);
    }
    add(std::move(tensor), std::move(part), {}, {});
  }

  void add_quantized(std::string name, std::vector<std::uint64_t> shape, Dtype dtype, int bits) {
    PlannedTensor tensor;
    tensor.info = {std::move(name), std::move(shape), dtype};
    tensor.quantized = true;
    tensor.settings.bits = bits;
    std::vector<unsigned> code;
    for (std::uint64_t i = 0; i < tensor.info.count(); ++i) {
      code.push_back(static_cast<unsigned>((i * 7919 + i / 3) % (std::uint64_t{1} << bits)));
    }
    std::vector<float> level;
    const int half = 1 << (bits - 1);
    for (int i = -half; i < half; ++i) {
      level.push_back((static_cast<float>(i) + 0.5F) * 0.0123F);
    }
    PerPart<std::string> part;
    part[Part::kCodes] = pack(code, bits);
    part[Part::kLevels].assign(reinterpret_cast<const char*>(level.data()),
                               level.size() * sizeof(float));
    add(std::move(tensor), std::move(part), std::move(code), std::move(level));
  }

  /// Adds one whose cells have scales.
  void add_scaled(std::string name, std::vector<std::uint64_t> shape, Dtype dtype, int bits,
                  const CellPlan& cells) {
    add_quantized(std::move(name), std::move(shape), dtype, bits);
    plan.tensors.back().cells = report.tensors.back().cells = cells;
    TensorSettings& settings_of_it = plan.tensors.back().settings;
    settings_of_it.granularity = cells.granularity;
    if (cells.granularity == Granularity::kGroup) settings_of_it.group_size = cells.run;
    std::string& scales_of_it = parts.back()[Part::kScales];
    if (cells.granularity == Granularity::kChannel) settings_of_it.axis = cells.axis;
    for (std::uint64_t i = 0; i < cells.cells; ++i) {
      const auto half = static_cast<std::uint16_t>(kOne + kStep * i);
      scales_of_it.append(reinterpret_cast<const char*>(&half), sizeof half);
    }
    report.tensors.back().bytes += scales_of_it.size();
  }

  /// Scales of cells ascend from 1 on, within the octave.
  static constexpr std::uint64_t kOne = 0x3C00, kStep = 37;
  static float scale(const CellPlan& cells, std::uint64_t weight) {
    const std::uint64_t cell = weight / cells.run % cells.cells;
    return 1 + static_cast<float>(kStep * cell) / 1024;
  }

  /// Bit j of code i is bit i * bits + j of the stream.
  static std::string pack(const std::vector<unsigned>& codes, int bits) {
    std::string packed((codes.size() * static_cast<std::size_t>(bits) + 7) / 8, '\0');
    std::size_t at = 0;
    for (const unsigned code : codes) {
      for (int j = 0; j < bits; ++j, ++at) {
        if ((code >> j & 1U) != 0) packed[at / 8] |= static_cast<char>(1U << at % 8);
      }
    }
    return packed;
  }

  /// A tensor that is one with an earlier one.
  void tie(std::string name, std::size_t same_as) {
    PlannedTensor tensor = plan.tensors[same_as];
    tensor.info.name = std::move(name);
    tensor.same_as = same_as;
    TensorReport one = report.tensors[same_as];
    one.info = tensor.info;
    one.bytes = 0;
    plan.tensors.push_back(std::move(tensor));
    report.tensors.push_back(std::move(one));
    parts.emplace_back();
    codes.emplace_back();
    levels.emplace_back();
  }

  void write_parts(QuantizedOutput& writer) const {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      for (const Part part : kParts) {
        if (parts[i][part].empty()) continue;
        writer.write(i, part, 0, std::as_bytes(std::span(parts[i][part])));
      }
    }
  }

  /// Writes the file and returns its bytes.
  std::string write(const std::filesystem::path& path) {
    QuantizedWriter writer(path, plan, settings, Overwrite::kReplace);
    write_parts(writer);
    writer.finish(report);
    return read_file(path);
  }

  /// Writes a folder of files with at most `size` bytes of tensors each.
  void write_shards(const std::filesystem::path& path, std::uint64_t size) {
    const MemoryModel none;
    const auto writer =
        quantized_folder_format().make({none, plan, settings, path, size}, Overwrite::kReplace);
    write_parts(*writer);
    writer->finish(report);
  }

 private:
  void add(PlannedTensor tensor, PerPart<std::string> part, std::vector<unsigned> code,
           std::vector<float> level) {
    TensorReport one;
    one.info = tensor.info;
    one.quantized = tensor.quantized;
    one.settings = tensor.settings;
    one.kept_reason = tensor.kept_reason;
    for (const std::string& bytes : part.values) one.bytes += bytes.size();
    if (tensor.quantized) {
      one.codebook = {tensor.settings.bits, level, {}, 0.0123, 1.25, 1.0625, 0.9876, 1e-7, 0.03125};
      one.relative_error = 0.0321;
      one.snr_db = 14.5;
      one.max_error = 0.25;
      one.entropy = 1.9375;
    }
    report.tensors.push_back(std::move(one));
    plan.tensors.push_back(std::move(tensor));
    parts.push_back(std::move(part));
    codes.push_back(std::move(code));
    levels.push_back(std::move(level));
  }
};

/// Every dtype that can be quantized, odd counts, an empty tensor, kept ones between; not in the
/// order of the file.
inline Sample sample() {
  Sample sample;
  sample.add_quantized("w", {3, 5}, Dtype::kF32, 3);
  sample.add_kept("bias", {3}, Dtype::kF32);
  sample.add_quantized("half", {4, 4}, Dtype::kF16, 2);
  sample.add_quantized("double", {7, 1}, Dtype::kF64, 5);
  sample.add_kept("steps", {}, Dtype::kI64);
  sample.add_quantized("brain", {2, 3}, Dtype::kBF16, 1);
  sample.add_quantized("empty", {0, 4}, Dtype::kF32, 8);
  sample.add_quantized("a \"name\" \xc3\xa4", {9, 2, 1}, Dtype::kF32, 7);
  sample.add_scaled("groups", {5, 7}, Dtype::kF32, 3, {Granularity::kGroup, 4, 9, 0, {}});
  sample.add_scaled("rows", {3, 5}, Dtype::kF16, 2, {Granularity::kChannel, 5, 3, 0, {}});
  sample.add_scaled("inside", {2, 3, 4}, Dtype::kF32, 4, {Granularity::kChannel, 1, 4, 2, {}});
  sample.settings.include = "\"\\w+";
  return sample;
}

/// The same file with the first `from` of its header's JSON replaced, framed and checksummed
/// anew: only what the edit itself breaks is wrong.
inline std::string edit_header(const std::string& file, std::string_view from,
                               std::string_view to) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  std::string json = file.substr(sizeof length, length);
  json.resize(json.find_last_not_of(' ') + 1);
  const std::size_t at = json.find(from);
  if (at == std::string::npos) throw Error("the header does not hold " + std::string(from));
  json.replace(at, from.size(), to);
  std::string framed = frame_safetensors_json(json);
  const std::string key = R"("wquant.header_checksum":")";
  if (const std::size_t digits = framed.find(key); digits != std::string::npos) {
    const std::string text = checksum_text(header_checksum(framed.substr(sizeof length)));
    framed.replace(digits + key.size(), text.size(), text);
  }
  return framed + file.substr(sizeof length + length);
}

}  // namespace wquant::test
