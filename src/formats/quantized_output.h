#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "wquant/formats.h"
#include "wquant/model.h"
#include "wquant/quantize.h"
#include "wquant/report.h"
#include "wquant/settings.h"

namespace wquant {

/// Sizes of a quantized file, known before a weight is read: at most, where codes are stored at
/// their entropy.
struct QuantizedSizes {
  std::uint64_t header_bytes = 0;  ///< All but the parts of tensors.
  std::uint64_t file_bytes = 0;
};

/// A file that quantize() fills and that appears under its name only when it is complete.
class QuantizedOutput : public PartSink {
 public:
  /// Known before the first part.
  [[nodiscard]] virtual QuantizedSizes sizes() const = 0;
  /// What finish() will fill in, once all parts have come.
  [[nodiscard]] virtual QuantizedSizes sizes(Report& /*report*/) const { return sizes(); }
  /// Checks what was written and gives the file its name. Fills the report's output, header_bytes
  /// and file_bytes.
  virtual void finish(Report& report) = 0;
};

/// What is quantized and where it goes.
struct QuantizedJob {
  const ModelReader& model;
  const Plan& plan;
  const Settings& settings;
  std::filesystem::path output;
  /// Most bytes of tensors in a file of a folder; 0: the files of the model.
  std::uint64_t shard_size = 0;
  /// That check in the end what was written; 0: as many as the machine has.
  unsigned threads = 0;
};

/// One kind of quantized file, told by the extension of its name.
struct QuantizedFormat {
  std::string_view extension;  ///< With the dot, in lower case.
  std::string_view input;      ///< Name of the only format that it is made from; empty: any.
  bool takes_f16;              ///< Coding::kF16 and levels of F16.
  bool takes_mask;             ///< A bit mask for zeros.
  QuantizedSizes (*sizes)(const QuantizedJob& job);
  std::unique_ptr<QuantizedOutput> (*make)(const QuantizedJob& job, Overwrite overwrite);
};

/// The plan for a file of that kind, see make_plan().
Plan make_plan(const ModelReader& model, const Settings& settings, const QuantizedFormat& format);

/// The kind of that path; null when there is none.
const QuantizedFormat* find_quantized_format(const std::filesystem::path& path);

/// A folder of safetensors files with an index; of no extension.
const QuantizedFormat& quantized_folder_format();

}  // namespace wquant
