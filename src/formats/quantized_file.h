#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "formats/quantized_file_header.h"
#include "formats/quantized_output.h"
#include "formats/quantized_reader.h"
#include "wquant/model.h"
#include "wquant/quantize.h"
#include "wquant/report.h"

namespace wquant {

/// Where the parts of a plan lie in the quantized file: known before a weight is read, because
/// the header is padded to the size of its widest possible figures. Where codes are stored at their
/// entropy, parts have the places that they need at most, and are moved together in the end.
struct QuantizedLayout {
  struct Place {
    std::uint64_t data = 0, codes = 0, levels = 0, scales = 0;  ///< Offsets of those there are.
  };
  std::vector<Place> places;       ///< Entry i: tensor i of the plan.
  std::uint64_t header_bytes = 0;  ///< Length word, JSON and padding.
  std::uint64_t file_bytes = 0;
};

/// The layout of a file that holds the plan's tensors, all of a model or a shard of it. Throws
/// Error for a name clash, naming both tensors.
QuantizedLayout make_layout(const Plan& plan, const Settings& settings,
                            const QuantizedShard& shard = {});

/// Bytes that the header will have, about so where codes are stored at their entropy.
std::uint64_t foreseen_header_bytes(const Plan& plan, const Settings& settings);

/// Writes the quantized file: parts at their offsets as they come, the header last.
class QuantizedWriter : public QuantizedOutput {
 public:
  /// `threads` check in the end what was written; 0: as many as the machine has.
  QuantizedWriter(std::filesystem::path path, const Plan& plan, const Settings& settings,
                  Overwrite overwrite, QuantizedShard shard = {}, unsigned threads = 1);
  ~QuantizedWriter() override;

  [[nodiscard]] QuantizedSizes sizes() const override;
  void write(std::size_t tensor, Part part, std::uint64_t offset,
             std::span<const std::byte> bytes) override;
  void restart(std::size_t tensor, Part part) override;
  void end_part(std::size_t tensor, Part part, std::uint64_t size) override;
  [[nodiscard]] QuantizedSizes sizes(Report& report) const override;

  /// Writes the header with the report's figures, reads the temporary file again and compares it
  /// with what was written, checks levels and codes, then gives it its name. Fills the report's
  /// output, header_bytes and file_bytes.
  void finish(Report& report) override;

  /// Of the header, once finish() has written it.
  [[nodiscard]] const std::string& header_checksum() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// True for a regular file whose safetensors header says that it is a quantized file. Reads only
/// the header and throws nothing that concerns its content.
bool is_quantized_safetensors(const std::filesystem::path& path);

/// True for the index of quantized files, and for a folder that holds one.
bool is_quantized_shards(const std::filesystem::path& path);

/// A quantized file, or several with their index, as the float model it stands for: original names,
/// shapes, dtypes and order.
class QuantizedModel : public QuantizedReader {
 public:
  /// Opens the file, or all that an index or the index of a folder lists. Checks the whole header
  /// and every offset, count and size before anything is used.
  explicit QuantizedModel(const std::filesystem::path& path);
  ~QuantizedModel() override;

  [[nodiscard]] const std::string& path() const override;
  [[nodiscard]] std::string_view format() const override;
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override;
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override;
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override;  ///< Kept ones.
  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override;
  [[nodiscard]] std::size_t same_as(std::size_t index) const override;
  [[nodiscard]] std::string_view file_of(std::size_t index) const override;

  [[nodiscard]] const Report& report() const override;
  [[nodiscard]] const std::string& settings_json() const override;
  [[nodiscard]] const std::string& shard() const override;
  void verify(const RunOptions& options = {}) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wquant
