#include "formats/safetensors.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "formats/read_view.h"
#include "formats/safetensors_header.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

class SafetensorsModel : public ModelReader {
 public:
  explicit SafetensorsModel(const std::filesystem::path& path) : path_(path.string()), file_(path) {
    SafetensorsHeader header = parse_safetensors_header(file_.bytes());
    for (SafetensorsEntry& entry : header.entries) {
      begins_.push_back(header.data_begin + entry.begin);
      tensors_.push_back(std::move(entry.info));
    }
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "safetensors"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    check_range(*this, index, first, out.size());
    file_.copy(begins_[index] + first, out);
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return file_.bytes().subspan(begins_[index], tensors_[index].bytes());
  }

  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    file_.release(begins_[index] + first, size);
  }

 private:
  std::string path_;
  MappedFile file_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::uint64_t> begins_;  ///< In the file.
};

}  // namespace

bool safetensors_claims(const Probe& probe) {
  std::uint64_t length = 0;
  if (probe.is_folder || probe.head.size() <= sizeof length) return false;
  std::memcpy(&length, probe.head.data(), sizeof length);
  return length >= 2 && length <= kMaxSafetensorsJson && probe.head[sizeof length] == '{';
}

std::unique_ptr<ModelReader> open_safetensors(const std::filesystem::path& path) {
  try {
    return std::make_unique<SafetensorsModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

void write_safetensors_part(const ModelReader& model, std::span<const std::size_t> tensors,
                            const std::filesystem::path& path, Overwrite overwrite, Meter& meter) {
  std::vector<SafetensorsEntry> entries;
  for (const std::size_t index : tensors) entries.push_back({model.tensors()[index], 0, index});
  const std::uint64_t data_size = place_entries(entries);
  const std::string header = frame_safetensors_json(safetensors_json({}, entries));
  OutputFile file(path, overwrite, header.size() + data_size);
  file.append(header);
  for (const SafetensorsEntry& entry : entries) {
    for_each_slab(model, entry.tag, meter,
                  [&](std::span<const std::byte> bytes) { file.append(bytes); });
  }
  file.commit();
}

void write_safetensors(const ModelReader& model, const std::filesystem::path& path,
                       Overwrite overwrite, const RunOptions& options) {
  std::vector<std::size_t> all(model.tensors().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  Meter meter(options, total_bytes(model));
  write_safetensors_part(model, all, path, overwrite, meter);
}

}  // namespace wquant
