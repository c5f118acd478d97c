#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/float_convert.h"
#include "base/float_environment.h"
#include "base/meter.h"
#include "formats/onnx.h"
#include "formats/onnx_chains.h"
#include "formats/onnx_checks.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_parts.h"
#include "wquant/codebook.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::uint64_t kSlab = std::uint64_t{1} << 14;  ///< Elements decoded at a time.
constexpr const char* kDamaged = "the file is damaged: get it again";

class QuantizedOnnxModel : public QuantizedReader {
 public:
  QuantizedOnnxModel(const std::filesystem::path& path, std::unique_ptr<OnnxFile> file)
      : path_(path.string()),
        file_(std::move(file)),
        checks_(checks_of(*file_)),
        parts_(find_onnx_chains(*file_, checks_.nodes)) {
    if (parts_.chains.size() != checks_.quantized.size()) {
      throw Error(fmt::format("holds {} quantized tensors where {} are due", parts_.chains.size(),
                              checks_.quantized.size()),
                  kDamaged);
    }
    for (const OnnxChain& chain : parts_.chains) {
      tensors_.push_back(chain.info);
      std::vector<float> levels(std::size_t{1} << chain.bits);
      std::memcpy(levels.data(), chain.levels.data(), chain.levels.size());
      levels_.push_back(std::move(levels));
    }
    for (const std::size_t index : parts_.kept) tensors_.push_back(file_->tensors()[index].info);
    make_report();
  }

  [[nodiscard]] const Report& report() const override { return report_; }
  [[nodiscard]] const std::string& settings_json() const override { return none_; }
  [[nodiscard]] const std::string& shard() const override { return none_; }

  void verify(const RunOptions& options) const override {
    std::uint64_t total = 0;
    for (const TensorReport& tensor : report_.tensors) total += tensor.bytes;
    Meter meter(options, total);
    for (std::size_t i = 0; i < parts_.chains.size(); ++i) check_chain(i, meter);
    check_kept(meter);
    check_file();
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return kQuantizedOnnx; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    const std::uint64_t whole = tensors_[index].bytes();
    if (first > whole || out.size() > whole - first) {
      throw Error("range lies outside the tensor").at_tensor(tensors_[index].name).at_file(path_);
    }
    if (out.empty()) return;
    const FloatEnvironment environment;
    if (index < parts_.chains.size()) {
      decode_range(index, first, out);
    } else {
      std::memcpy(out.data(), view(index).data() + first, out.size());
    }
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    if (index < parts_.chains.size()) return {};
    return data(parts_.kept[index - parts_.chains.size()]);
  }

 private:
  static OnnxChecks checks_of(const OnnxFile& file) {
    if (file.checks().empty()) throw Error("holds no checksums", "quantize the original again");
    return parse_onnx_checks(file.checks());
  }

  [[nodiscard]] std::span<const std::byte> data(std::size_t index) const {
    return file_->tensors()[index].data;
  }

  void make_report() {
    report_.output = path_;
    report_.file_bytes = file_->file_bytes();
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      TensorReport tensor;
      tensor.info = tensors_[i];
      tensor.quantized = i < parts_.chains.size();
      tensor.bytes = tensors_[i].bytes();
      if (tensor.quantized) tell_quantized(i, tensor);
      report_.tensors.push_back(std::move(tensor));
    }
  }

  void tell_quantized(std::size_t index, TensorReport& tensor) const {
    const OnnxChain& chain = parts_.chains[index];
    tensor.settings.bits = tensor.codebook.bits = chain.bits;
    tensor.settings.mode.clear();
    tensor.codebook.levels = levels_[index];
    tensor.cells = chain.cells;
    tensor.settings.granularity = chain.cells.granularity;
    tensor.bytes = chain.codes.size() + chain.levels.size() + chain.scales.size();
    tensor.codebook.rho = checks_.quantized[index].rho;
  }

  void check_chain(std::size_t index, Meter& meter) const {
    const OnnxChain& chain = parts_.chains[index];
    try {
      const std::uint32_t codes = checksum_of(chain.codes_file, chain.codes, 0);
      check_checksum(index, crc32_of(chain.scales, crc32_of(chain.levels, codes)));
      const std::uint64_t count = chain.info.count();
      check_part(Part::kCodes, Dtype::kU8, chain.codes, count, chain.bits);
      check_part(Part::kLevels, Dtype::kF32, chain.levels, count, chain.bits);
      check_part(Part::kScales, Dtype::kF16, chain.scales, count, chain.bits);
      meter.add(report_.tensors[index].bytes);
    } catch (Error& error) {
      error.at_tensor(chain.info.name).at_file(path_);
      throw;
    }
  }

  static std::uint32_t checksum_of(const MappedFile* file, std::span<const std::byte> bytes,
                                   std::uint32_t before) {
    if (file == nullptr || bytes.empty()) return crc32_of(bytes, before);
    const auto begin = bytes.data() - file->bytes().data();
    return crc32_of(*file, static_cast<std::uint64_t>(begin), bytes.size(), before);
  }

  void check_checksum(std::size_t index, std::uint32_t checksum) const {
    const std::uint32_t stored = checks_.quantized[index].checksum;
    if (stored == checksum) return;
    throw Error(fmt::format("its parts have checksum {} where {} is stored",
                            checksum_text(checksum), checksum_text(stored)),
                kDamaged);
  }

  void check_kept(Meter& meter) const {
    std::uint32_t checksum = 0;
    for (const std::size_t index : parts_.kept) {
      checksum = checksum_of(file_->tensors()[index].file, data(index), checksum);
      meter.add(data(index).size());
    }
    if (checksum != checks_.kept) {
      throw Error(fmt::format("the kept tensors have checksum {} where {} is stored",
                              checksum_text(checksum), checksum_text(checks_.kept)),
                  kDamaged)
          .at_file(path_);
    }
  }

  void check_file() const {
    const std::uint32_t checksum = onnx_file_checksum(file_->file(), file_->checks());
    if (checksum == checks_.file) return;
    throw Error(fmt::format("has checksum {} where {} is stored", checksum_text(checksum),
                            checksum_text(checks_.file)),
                "it is damaged or was saved anew: get it again")
        .at_file(path_);
  }

  /// The range may begin and end inside of an element.
  void decode_range(std::size_t index, std::uint64_t first, std::span<std::byte> out) const {
    const OnnxChain& chain = parts_.chains[index];
    const std::uint64_t size = size_of(chain.info.dtype);
    std::vector<float> floats(std::min(kSlab, out.size() / size + 2));
    std::vector<std::byte> elements(floats.size() * size);
    while (!out.empty()) {
      const std::uint64_t skip = first % size;
      const std::uint64_t count = std::min(floats.size(), (skip + out.size() + size - 1) / size);
      decode({reinterpret_cast<const std::uint8_t*>(chain.codes.data()), chain.codes.size()},
             first / size, chain.bits, levels_[index], std::span(floats).first(count));
      if (chain.cells.has_scales()) {
        apply_scales(chain.cells, chain.scales, first / size, std::span(floats).first(count));
      }
      from_floats(chain.info.dtype, std::span(floats).first(count),
                  std::span(elements).first(count * size));
      const std::uint64_t length = std::min(out.size(), count * size - skip);
      std::memcpy(out.data(), elements.data() + skip, length);
      out = out.subspan(length);
      first += length;
    }
  }

  std::string path_;
  std::unique_ptr<OnnxFile> file_;
  OnnxChecks checks_;
  OnnxChains parts_;
  std::vector<std::vector<float>> levels_;  ///< Of each chain.
  std::vector<TensorInfo> tensors_;
  Report report_;
  std::string none_;
};

}  // namespace

std::unique_ptr<QuantizedReader> make_quantized_onnx_model(const std::filesystem::path& path,
                                                           std::unique_ptr<OnnxFile> file) {
  return std::make_unique<QuantizedOnnxModel>(path, std::move(file));
}

}  // namespace wquant
