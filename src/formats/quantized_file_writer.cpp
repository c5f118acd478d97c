#include <fmt/format.h>

#include <deque>
#include <utility>

#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
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

QuantizedLayout make_layout(const Plan& plan, const Settings& settings) {
  const std::vector<SafetensorsEntry> entries = stored_entries(plan);
  const std::string text = settings_text(settings);
  return lay_out(plan, entries, widest_header({plan, entries, text}));
}

std::uint64_t foreseen_header_bytes(const Plan& plan, const Settings& settings) {
  return foreseen_header({plan, stored_entries(plan), settings_text(settings)});
}

struct QuantizedWriter::State {
  State(std::filesystem::path path, const Plan& the_plan, const Settings& the_settings,
        Overwrite overwrite)
      : plan(the_plan),
        settings(settings_text(the_settings)),
        entries(stored_entries(plan)),
        layout(lay_out(plan, entries, widest_header({plan, entries, settings}))),
        checksums(plan.tensors.size()),
        sizes(plan.tensors.size()),
        file(std::move(path), overwrite, layout.file_bytes) {}

  /// Header and layout of the finished file.
  struct Finished {
    std::vector<SafetensorsEntry> entries;
    std::string header;
    std::uint64_t file_bytes = 0;
  };
  /// The layout is the planned one unless sizes of parts were not known before.
  [[nodiscard]] Finished finished(Report& report) const;
  /// Moves parts from their planned places to those that they have in the finished file.
  void move_parts(const Finished& finished);

  /// The checksums of all parts. Throws Error for a part that has not come whole.
  [[nodiscard]] std::vector<PartChecksums> complete_checksums() const;

  Plan plan;
  std::string settings;
  std::vector<SafetensorsEntry> entries;
  QuantizedLayout layout;
  std::deque<PerPart<RangeChecksum>> checksums;  ///< Entry i: tensor i of the plan.
  std::vector<PerPart<std::uint64_t>> sizes;     ///< Of parts that take less than planned.
  OutputFile file;
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

QuantizedWriter::State::Finished QuantizedWriter::State::finished(Report& report) const {
  Finished result = {entries, {}, layout.file_bytes};
  const bool coded = has_coded(plan);
  if (coded) resize_entries(result.entries, sizes);
  result.header = complete_header({plan, result.entries, settings}, report, complete_checksums(),
                                  coded ? 0 : layout.header_bytes);
  if (coded) {
    result.file_bytes = result.header.size();
    for (const SafetensorsEntry& entry : result.entries) result.file_bytes += entry.info.bytes();
  }
  return result;
}

void QuantizedWriter::State::move_parts(const Finished& finished) {
  if (!has_coded(plan)) return;
  // In the order of the file, and none goes up: what is overwritten has been moved before.
  for (const SafetensorsEntry& entry : finished.entries) {
    file.move_down(place_of(layout.places[tensor_of(entry)], part_of(entry)),
                   finished.header.size() + entry.begin, entry.info.bytes());
  }
  file.cut(finished.file_bytes);
}

QuantizedWriter::QuantizedWriter(std::filesystem::path path, const Plan& plan,
                                 const Settings& settings, Overwrite overwrite)
    : state_(std::make_unique<State>(std::move(path), plan, settings, overwrite)) {}

QuantizedWriter::~QuantizedWriter() = default;

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

void QuantizedWriter::end_part(std::size_t tensor, Part part, std::uint64_t size) {
  state_->sizes.at(tensor)[part] = size;
}

QuantizedSizes QuantizedWriter::sizes(Report& report) const {
  const State::Finished finished = state_->finished(report);
  return {finished.header.size(), finished.file_bytes};
}

void QuantizedWriter::finish(Report& report) {
  State& state = *state_;
  if (report.tensors.size() != state.plan.tensors.size()) {
    throw Error("the report is not of this plan").at_file(state.file.path().string());
  }
  const State::Finished finished = state.finished(report);
  state.move_parts(finished);
  state.file.write_at(0, std::as_bytes(std::span(finished.header)));
  try {
    QuantizedModel(state.file.temporary_path()).verify();
  } catch (const Error& error) {
    throw Error(fmt::format("the file does not read back as it was written: {}", error.what()),
                "check the disk")
        .at_file(state.file.path().string());
  }
  state.file.commit();
  report.output = state.file.path().string();
  report.header_bytes = finished.header.size();
  report.file_bytes = finished.file_bytes;
}

}  // namespace wquant
