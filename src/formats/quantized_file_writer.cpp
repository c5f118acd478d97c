#include <fmt/format.h>

#include <cstring>
#include <deque>
#include <utility>

#include "base/mapped_file.h"
#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
#include "formats/quantized_file_parts.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::uint64_t& place_of(QuantizedLayout::Place& place, Part part) {
  switch (part) {
    case Part::kCodes:
      return place.codes;
    case Part::kLevels:
      return place.levels;
    case Part::kScales:
      return place.scales;
    case Part::kKept:
      break;
  }
  return place.kept;
}

QuantizedLayout lay_out(const Plan& plan, std::span<const SafetensorsEntry> entries,
                        std::uint64_t header_bytes) {
  QuantizedLayout layout;
  layout.places.resize(plan.tensors.size());
  layout.header_bytes = layout.file_bytes = header_bytes;
  for (const SafetensorsEntry& entry : entries) {
    place_of(layout.places[tensor_of(entry)], part_of(entry)) = header_bytes + entry.begin;
    layout.file_bytes += entry.info.bytes();
  }
  return layout;
}

}  // namespace

QuantizedLayout make_layout(const Plan& plan, const Settings& settings,
                            const QuantizedShard& shard) {
  const std::vector<SafetensorsEntry> entries = stored_entries(plan);
  const std::string text = settings_text(settings);
  return lay_out(plan, entries, widest_header({plan, entries, text, shard}).size());
}

struct QuantizedWriter::State {
  State(std::filesystem::path path, const Plan& the_plan, const Settings& the_settings,
        Overwrite overwrite, QuantizedShard the_shard)
      : plan(the_plan),
        shard(std::move(the_shard)),
        settings(settings_text(the_settings)),
        entries(stored_entries(plan)),
        layout(lay_out(plan, entries, widest_header({plan, entries, settings, shard}).size())),
        checksums(plan.tensors.size()),
        file(std::move(path), overwrite, layout.file_bytes) {}

  /// The checksums of all parts. Throws Error for a part that has not come whole.
  [[nodiscard]] std::vector<PartChecksums> complete_checksums() const;
  /// Reads the file again. Throws Error for what differs from what was written or cannot be right.
  void check_written(std::string_view header, std::span<const PartChecksums> sums) const;

  Plan plan;
  QuantizedShard shard;
  std::string settings;
  std::vector<SafetensorsEntry> entries;
  QuantizedLayout layout;
  std::deque<PerPart<RangeChecksum>> checksums;  ///< Entry i: tensor i of the plan.
  OutputFile file;
  std::string header_checksum;
};

std::vector<PartChecksums> QuantizedWriter::State::complete_checksums() const {
  std::vector<PartChecksums> sums(plan.tensors.size());
  for (const SafetensorsEntry& entry : entries) {
    const std::size_t tensor = tensor_of(entry);
    const Part part = part_of(entry);
    const auto sum = checksums[tensor][part].complete(entry.info.bytes());
    if (!sum) {
      throw Error(fmt::format("not all bytes of its {} were written", part_name(part)))
          .at_tensor(plan.tensors[tensor].info.name);
    }
    sums[tensor][part] = *sum;
  }
  return sums;
}

void QuantizedWriter::State::check_written(std::string_view header,
                                           std::span<const PartChecksums> sums) const {
  const MappedFile written(file.temporary_path());
  if (written.bytes().size() != layout.file_bytes ||
      std::memcmp(written.bytes().data(), header.data(), header.size()) != 0) {
    throw Error("its header does not read back as it was written", "check the disk");
  }
  for (const SafetensorsEntry& entry : entries) {
    const PlannedTensor& tensor = plan.tensors[tensor_of(entry)];
    const Part part = part_of(entry);
    const std::uint64_t begin = layout.header_bytes + entry.begin;
    const std::uint64_t size = entry.info.bytes();
    try {
      if (crc32_of(written, begin, size) != sums[tensor_of(entry)][part]) {
        throw Error(fmt::format("its {} do not read back as they were written", part_name(part)),
                    "check the disk");
      }
      check_part(part, written.bytes().subspan(begin, size), tensor.info.count(),
                 tensor.settings.bits);
    } catch (Error& error) {
      error.at_tensor(tensor.info.name);
      throw;
    }
  }
}

QuantizedWriter::QuantizedWriter(std::filesystem::path path, const Plan& plan,
                                 const Settings& settings, Overwrite overwrite,
                                 QuantizedShard shard)
    : state_(
          std::make_unique<State>(std::move(path), plan, settings, overwrite, std::move(shard))) {}

QuantizedWriter::~QuantizedWriter() = default;

QuantizedSizes QuantizedWriter::sizes() const {
  return {state_->layout.header_bytes, state_->layout.file_bytes};
}

void QuantizedWriter::write(std::size_t tensor, Part part, std::uint64_t offset,
                            std::span<const std::byte> bytes) {
  const PlannedTensor& planned = state_->plan.tensors.at(tensor);
  const std::uint64_t size = part_size(planned, part);
  if (offset > size || bytes.size() > size - offset) {
    throw Error(fmt::format("bytes written outside of its {}", part_name(part)))
        .at_tensor(planned.info.name);
  }
  try {
    state_->checksums[tensor][part].add(offset, bytes);
  } catch (Error& error) {
    error.at_tensor(planned.info.name);
    throw;
  }
  state_->file.write_at(place_of(state_->layout.places[tensor], part) + offset, bytes);
}

void QuantizedWriter::restart(std::size_t tensor, Part part) {
  state_->checksums.at(tensor)[part].clear();
}

const std::string& QuantizedWriter::header_checksum() const { return state_->header_checksum; }

void QuantizedWriter::finish(Report& report) {
  State& state = *state_;
  if (report.tensors.size() != state.plan.tensors.size()) {
    throw Error("the report is not of this plan").at_file(state.file.path().string());
  }
  const std::vector<PartChecksums> checksums = state.complete_checksums();
  const std::string header =
      complete_header({state.plan, state.entries, state.settings, state.shard}, report, checksums,
                      state.layout.header_bytes);
  state.header_checksum = checksum_text(
      wquant::header_checksum(std::string_view(header).substr(sizeof(std::uint64_t))));
  state.file.write_at(0, std::as_bytes(std::span(header)));
  try {
    state.check_written(header, checksums);
  } catch (Error& error) {
    error.at_file(state.file.path().string());
    throw;
  }
  state.file.commit();
  report.output = state.file.path().string();
  report.header_bytes = state.layout.header_bytes;
  report.file_bytes = state.layout.file_bytes;
}

}  // namespace wquant
