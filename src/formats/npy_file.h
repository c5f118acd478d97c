#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/mapped_file.h"
#include "base/meter.h"
#include "formats/npy_header.h"
#include "wquant/formats.h"

namespace wquant {

/// One mapped .npy file; the functions are those of ModelReader. Throws Error without file name,
/// except for a file that cannot be mapped.
class NpyFile {
 public:
  explicit NpyFile(const std::filesystem::path& path);

  [[nodiscard]] const NpyHeader& header() const { return header_; }
  void read(std::uint64_t first, std::span<std::byte> out) const;
  [[nodiscard]] std::span<const std::byte> view() const;
  void release(std::uint64_t first, std::uint64_t size) const;

 private:
  [[nodiscard]] std::span<const std::byte> data() const;

  MappedFile file_;
  NpyHeader header_;
};

/// Writes one tensor of the model as a .npy file.
void write_npy_file(const ModelReader& model, std::size_t index, const std::filesystem::path& path,
                    Overwrite overwrite, Meter& meter);

}  // namespace wquant
