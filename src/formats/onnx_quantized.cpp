#include "formats/onnx_quantized.h"

#include <fmt/format.h>

#include <algorithm>

#include <deque>
#include <vector>

#include "formats/onnx_checks.h"
#include "formats/onnx_file.h"
#include "formats/onnx_output.h"
#include "formats/onnx_rewrite.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// A tensor without elements has nothing to expand and stays.
std::vector<OnnxEdit> edits_of(const Plan& plan) {
  std::vector<OnnxEdit> edits;
  for (const PlannedTensor& tensor : plan.tensors) {
    const bool expands = tensor.quantized && tensor.info.count() != 0;
    edits.push_back(expands ? OnnxEdit{OnnxEdit::Kind::kExpand, tensor.settings.bits, tensor.cells}
                            : OnnxEdit{});
  }
  return edits;
}

OnnxLayout layout_of(const OnnxFile& file, const QuantizedJob& job) {
  if (has_coded(job.plan)) {
    throw Error("an ONNX model has no operators for codes that are stored at their entropy",
                "give --coding fixed, or end the name given with -o in .safetensors",
                ErrorKind::kUsage);
  }
  if (std::ranges::any_of(job.plan.tensors, &PlannedTensor::is_f16)) {
    throw Error("coding f16 is not for an ONNX model",
                "keep the tensor with --exclude, or end the name given with -o in .safetensors",
                ErrorKind::kUsage);
  }
  if (file.tensors().size() != job.plan.tensors.size()) {
    throw Error("the plan is not of this model").at_file(job.model.path());
  }
  try {
    return rewrite_onnx(file, edits_of(job.plan), onnx_data_name(job.output));
  } catch (Error& error) {
    error.at_file(job.model.path());
    throw;
  }
}

QuantizedSizes sizes_of(const OnnxLayout& layout, const Plan& plan) {
  std::uint64_t parts = 0;
  for (const PlannedTensor& tensor : plan.tensors) parts += stored_size(tensor);
  const std::uint64_t whole = layout.model.size() + layout.data.size();
  return {whole > parts ? whole - parts : 0, whole};
}

class QuantizedOnnx : public QuantizedOutput {
 public:
  QuantizedOnnx(const QuantizedJob& job, Overwrite overwrite)
      : path_(job.output),
        file_(job.model.path()),
        plan_(job.plan),
        checksums_(plan_.tensors.size()) {
    const OnnxLayout layout = layout_of(file_, job);
    sizes_ = sizes_of(layout, plan_);
    nodes_ = layout.nodes;
    expanded_ = layout.expanded;
    output_.emplace(path_, overwrite, layout);
  }

  [[nodiscard]] QuantizedSizes sizes() const override { return sizes_; }

  void write(std::size_t tensor, Part part, std::uint64_t offset,
             std::span<const std::byte> bytes) override {
    if (part == Part::kData) return;  // Copied from the original.
    const std::uint64_t size = part_size(plan_.tensors.at(tensor), part);
    if (offset > size || bytes.size() > size - offset) {
      throw Error(fmt::format("bytes written outside of its {}", part_name(part)))
          .at_tensor(plan_.tensors[tensor].info.name);
    }
    checksums_[tensor][part].add(offset, bytes);
    output_->write(onnx_hole(tensor, part), offset, bytes);
  }

  void restart(std::size_t tensor, Part part) override { checksums_.at(tensor)[part].clear(); }

  void finish(Report& report) override {
    for (std::size_t i = 0; i < plan_.tensors.size(); ++i) check(i);
    write_checks(report);
    output_->commit();
    report.output = path_.string();
    report.header_bytes = sizes_.header_bytes;
    report.file_bytes = sizes_.file_bytes;
  }

 private:
  [[nodiscard]] std::uint32_t checksum(std::size_t tensor, Part part) const {
    const PlannedTensor& planned = plan_.tensors[tensor];
    const auto sum = checksums_[tensor][part].complete(part_size(planned, part));
    if (sum) return *sum;
    throw Error(fmt::format("not all bytes of its {} were written", part_name(part)))
        .at_tensor(planned.info.name);
  }

  /// Of the quantized parts, one after the other.
  [[nodiscard]] std::uint32_t parts_checksum(std::size_t tensor) const {
    std::uint32_t all = checksum(tensor, Part::kCodes);
    for (const Part part : {Part::kLevels, Part::kScales}) {
      if (!has_part(plan_.tensors[tensor], part)) continue;
      all = combine_checksums(all, checksum(tensor, part), part_size(plan_.tensors[tensor], part));
    }
    return all;
  }

  void write_checks(const Report& report) {
    if (expanded_.empty()) return;  // It stays an ordinary model.
    OnnxChecks checks;
    checks.nodes = nodes_;
    for (const std::size_t i : expanded_) {
      checks.quantized.push_back({parts_checksum(i), report.tensors.at(i).codebook.rho});
    }
    const std::vector<OnnxEdit> edits = edits_of(plan_);
    for (std::size_t i = 0; i < edits.size(); ++i) {
      if (edits[i].kind == OnnxEdit::Kind::kExpand) continue;
      checks.kept = crc32_of(file_.tensors()[i].data, checks.kept);
    }
    write_text(onnx_checks_text(checks));
    checks.file = file_checksum(onnx_checks_text(checks).size());
    write_text(onnx_checks_text(checks));
  }

  void write_text(const std::string& text) {
    output_->write(kOnnxChecksHole, 0, std::as_bytes(std::span(text)));
  }

  [[nodiscard]] std::uint32_t file_checksum(std::size_t text_size) const {
    const MappedFile file = output_->map_model();
    const auto text = file.bytes().subspan(output_->place_of(kOnnxChecksHole), text_size);
    return onnx_file_checksum(file, {reinterpret_cast<const char*>(text.data()), text.size()});
  }

  /// That the parts lie in the file as they came.
  void check(std::size_t tensor) const {
    for (const Part part : {Part::kCodes, Part::kLevels, Part::kScales}) {
      if (!has_part(plan_.tensors[tensor], part)) continue;
      const std::uint64_t size = part_size(plan_.tensors[tensor], part);
      const auto stored = output_->checksum(onnx_hole(tensor, part), size);
      if (!stored || *stored == checksum(tensor, part)) continue;
      throw Error(fmt::format("its {} do not read back as they were written", part_name(part)),
                  "check the disk")
          .at_tensor(plan_.tensors[tensor].info.name)
          .at_file(path_.string());
    }
  }

  std::filesystem::path path_;
  OnnxFile file_;
  Plan plan_;
  std::deque<PerPart<RangeChecksum>> checksums_;  ///< Entry i: tensor i of the plan.
  QuantizedSizes sizes_;
  std::size_t nodes_ = 0;              ///< See OnnxLayout.
  std::vector<std::size_t> expanded_;  ///< The same.
  std::optional<OnnxOutput> output_;
};

}  // namespace

QuantizedSizes quantized_onnx_sizes(const QuantizedJob& job) {
  const OnnxFile file(job.model.path());
  return sizes_of(layout_of(file, job), job.plan);
}

std::unique_ptr<QuantizedOutput> make_quantized_onnx(const QuantizedJob& job, Overwrite overwrite) {
  return std::make_unique<QuantizedOnnx>(job, overwrite);
}

}  // namespace wquant
