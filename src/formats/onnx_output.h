#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "formats/onnx_rewrite.h"
#include "wquant/formats.h"

namespace wquant {

/// Name of the file that holds the data of a model too large for one file.
std::string onnx_data_name(const std::filesystem::path& model);

/// The files of a layout. All but the holes is written at once; holes as they come.
class OnnxOutput {
 public:
  OnnxOutput(const std::filesystem::path& path, Overwrite overwrite, const OnnxLayout& layout);

  /// Bytes of a hole from `offset` on; those of a hole that the layout lacks are dropped. Safe
  /// from several threads for ranges that do not overlap.
  void write(std::size_t hole, std::uint64_t offset, std::span<const std::byte> bytes);
  /// CRC-32 of `size` bytes of a hole as they lie in the file; nothing for one that is not there.
  [[nodiscard]] std::optional<std::uint32_t> checksum(std::size_t hole, std::uint64_t size) const;
  /// The file of the model as it is so far; to be read before it is written to again.
  [[nodiscard]] MappedFile map_model() const;
  /// Where a hole begins in the file of the model, which must hold it.
  [[nodiscard]] std::uint64_t place_of(std::size_t hole) const { return places_.at(hole).offset; }
  void commit();

 private:
  struct Place {
    OutputFile* file;
    std::uint64_t offset;
  };

  void write_pieces(OutputFile& file, const ByteRope& rope);

  OutputFile model_;
  std::optional<OutputFile> data_;
  std::unordered_map<std::size_t, Place> places_;
};

}  // namespace wquant
