#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "wquant/model.h"
#include "wquant/quantize.h"
#include "wquant/report.h"

namespace wquant {

/// A file that quantize wrote, of whatever kind, as the float model it stands for.
class QuantizedReader : public ModelReader {
 public:
  /// What the file says of each tensor; figures that it does not hold are 0, texts empty.
  [[nodiscard]] virtual const Report& report() const = 0;
  /// The settings of the run as JSON text; empty where they are not stored.
  [[nodiscard]] virtual const std::string& settings_json() const = 0;
  /// Which file of a model in several files it is, "2/3": then its tensors are not all of the
  /// model. Empty for a whole model.
  [[nodiscard]] virtual const std::string& shard() const = 0;
  /// Compares the checksum of everything that is stored with the stored ones, and that levels
  /// ascend and are finite. Throws Error naming the first tensor and part that differ.
  virtual void verify(const RunOptions& options) const = 0;
};

/// Opens a file for which is_quantized_file() holds. Throws Error for any other.
std::unique_ptr<QuantizedReader> open_quantized_file(const std::filesystem::path& path);

}  // namespace wquant
