#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "base/mapped_file.h"
#include "formats/masked_codes.h"
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
    case Part::kData:
      break;
  }
  return place.data;
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
  return lay_out(plan, entries, widest_header({plan, entries, text, shard}));
}

std::uint64_t foreseen_header_bytes(const Plan& plan, const Settings& settings) {
  return foreseen_header({plan, stored_entries(plan), settings_text(settings), {}});
}

struct QuantizedWriter::State {
  State(std::filesystem::path path, const Plan& the_plan, const Settings& the_settings,
        Overwrite overwrite, QuantizedShard the_shard, unsigned the_threads)
      : plan(the_plan),
        threads(the_threads),
        shard(std::move(the_shard)),
        settings(settings_text(the_settings)),
        entries(stored_entries(plan)),
        layout(lay_out(plan, entries, widest_header({plan, entries, settings, shard}))),
        checksums(plan.tensors.size()),
        sizes(plan.tensors.size()),
        file(std::move(path), overwrite, layout.file_bytes) {}

  /// Header and layout of the finished file.
  struct Finished {
    std::vector<SafetensorsEntry> entries;
    std::vector<PartChecksums> checksums;
    std::string header;
    std::uint64_t file_bytes = 0;
  };
  /// The layout is the planned one unless sizes of parts were not known before.
  [[nodiscard]] Finished finished(Report& report) const;
  /// Moves parts from their planned places to those that they have in the finished file.
  void move_parts(const Finished& finished);

  /// Whether parts take less than planned.
  [[nodiscard]] bool is_resized() const;
  /// The checksums of all parts. Throws Error for a part that has not come whole.
  [[nodiscard]] std::vector<PartChecksums> complete_checksums() const;
  /// Reads the file again. Throws Error for what differs from what was written or cannot be right.
  void check_written(const Finished& finished) const;

  Plan plan;
  unsigned threads;
  QuantizedShard shard;
  std::string settings;
  std::vector<SafetensorsEntry> entries;
  QuantizedLayout layout;
  std::deque<PerPart<RangeChecksum>> checksums;  ///< Entry i: tensor i of the plan.
  std::vector<PerPart<std::uint64_t>> sizes;     ///< Of parts that take less than planned.
  OutputFile file;
  std::string header_checksum;
};

std::vector<PartChecksums> QuantizedWriter::State::complete_checksums() const {
  std::vector<PartChecksums> sums(plan.tensors.size());
  for (const SafetensorsEntry& entry : entries) {
    const std::size_t tensor = tensor_of(entry);
    const Part part = part_of(entry);
    const std::uint64_t size = sizes[tensor][part];
    const auto sum = checksums[tensor][part].complete(size > 0 ? size : entry.info.bytes());
    if (!sum) {
      throw Error(fmt::format("not all bytes of its {} were written", part_name(part)))
          .at_tensor(plan.tensors[tensor].info.name);
    }
    sums[tensor][part] = *sum;
  }
  return sums;
}

bool QuantizedWriter::State::is_resized() const {
  return std::ranges::any_of(sizes, [](const PerPart<std::uint64_t>& tensor) {
    return std::ranges::any_of(tensor.values, [](std::uint64_t size) { return size > 0; });
  });
}

void QuantizedWriter::State::check_written(const Finished& finished) const {
  const MappedFile written(file.temporary_path());
  const std::string& header = finished.header;
  if (written.bytes().size() != finished.file_bytes ||
      std::memcmp(written.bytes().data(), header.data(), header.size()) != 0) {
    throw Error("its header does not read back as it was written", "check the disk");
  }
  std::vector<FileRange> places;
  for (const SafetensorsEntry& entry : finished.entries) {
    places.push_back({header.size() + entry.begin, entry.info.bytes()});
  }
  const std::vector<std::uint32_t> checksums_read = checksums_of(written, places, threads);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const SafetensorsEntry& entry = finished.entries[i];
    const PlannedTensor& tensor = plan.tensors[tensor_of(entry)];
    const Part part = part_of(entry);
    const auto [begin, size] = places[i];
    try {
      if (checksums_read[i] != finished.checksums[tensor_of(entry)][part]) {
        throw Error(fmt::format("its {} do not read back as they were written", part_name(part)),
                    "check the disk");
      }
      if (part == Part::kCodes && tensor.settings.coding == Coding::kEntropy) continue;
      if (sizes[tensor_of(entry)][part] > 0 && part == Part::kCodes) {
        const MaskedCodes codes(written.bytes().subspan(begin, size), tensor.info.count(),
                                tensor.settings.bits);
        continue;
      }
      check_part(part, entry.info.dtype, written.bytes().subspan(begin, size), tensor.info.count(),
                 tensor.settings.bits);
    } catch (Error& error) {
      error.at_tensor(tensor.info.name);
      throw;
    }
  }
}

QuantizedWriter::State::Finished QuantizedWriter::State::finished(Report& report) const {
  Finished result = {entries, complete_checksums(), {}, layout.file_bytes};
  const bool resized = is_resized();
  if (resized) resize_entries(result.entries, sizes);
  result.header = complete_header({plan, result.entries, settings, shard}, report, result.checksums,
                                  has_coded(plan) ? 0 : layout.header_bytes);
  if (resized) {
    result.file_bytes = result.header.size();
    for (const SafetensorsEntry& entry : result.entries) result.file_bytes += entry.info.bytes();
  }
  return result;
}

void QuantizedWriter::State::move_parts(const Finished& finished) {
  if (!is_resized()) return;
  // In the order of the file, and none goes up: what is overwritten has been moved before.
  for (const SafetensorsEntry& entry : finished.entries) {
    file.move_down(place_of(layout.places[tensor_of(entry)], part_of(entry)),
                   finished.header.size() + entry.begin, entry.info.bytes());
  }
  file.cut(finished.file_bytes);
}

QuantizedWriter::QuantizedWriter(std::filesystem::path path, const Plan& plan,
                                 const Settings& settings, Overwrite overwrite,
                                 QuantizedShard shard, unsigned threads)
    : state_(std::make_unique<State>(std::move(path), plan, settings, overwrite, std::move(shard),
                                     threads)) {}

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

void QuantizedWriter::end_part(std::size_t tensor, Part part, std::uint64_t size) {
  state_->sizes.at(tensor)[part] = size;
}

QuantizedSizes QuantizedWriter::sizes(Report& report) const {
  if (!state_->is_resized()) return sizes();
  const State::Finished finished = state_->finished(report);
  return {finished.header.size(), finished.file_bytes};
}

void QuantizedWriter::finish(Report& report) {
  State& state = *state_;
  if (report.tensors.size() != state.plan.tensors.size()) {
    throw Error("the report is not of this plan").at_file(state.file.path().string());
  }
  const State::Finished finished = state.finished(report);
  state.header_checksum = checksum_text(
      wquant::header_checksum(std::string_view(finished.header).substr(sizeof(std::uint64_t))));
  state.move_parts(finished);
  state.file.write_at(0, std::as_bytes(std::span(finished.header)));
  try {
    state.check_written(finished);
  } catch (Error& error) {
    error.at_file(state.file.path().string());
    throw;
  }
  state.file.commit();
  report.output = state.file.path().string();
  report.header_bytes = finished.header.size();
  report.file_bytes = finished.file_bytes;
}

}  // namespace wquant
