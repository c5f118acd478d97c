#include "formats/npz.h"

#include <string>
#include <vector>

#include "formats/npy_array.h"
#include "formats/npy_header.h"
#include "formats/slabs.h"
#include "formats/zip_archive.h"
#include "formats/zip_writer.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kSuffix = ".npy";

class NpzModel : public ModelReader {
 public:
  explicit NpzModel(const std::filesystem::path& path) : path_(path.string()), archive_(path) {
    archive_.read_heads(kMaxNpyHeader, [&](std::size_t index, const std::vector<std::byte>& head) {
      add_member(index, head);
    });
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "npz"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    try {
      read_npy(headers_[index], data(index), first, out);
    } catch (Error& error) {
      error.at_tensor(tensors_[index].name).at_file(path_);
      throw;
    }
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    if (!is_native(headers_[index])) return {};
    return data(index);
  }

  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    const NpyHeader& header = headers_[index];
    if (!header.fortran_order) archive_.release(index, header.data_begin + first, size);
  }

 private:
  void add_member(std::size_t index, const std::vector<std::byte>& head) {
    const ZipMember& member = archive_.members()[index];
    try {
      if (!member.name.ends_with(kSuffix) || member.name.size() == kSuffix.size()) {
        throw Error("is no .npy file", "an .npz file holds nothing else");
      }
      headers_.push_back(parse_npy_header(head, member.size));
    } catch (Error& error) {
      error.at_tensor(member.name);
      throw;
    }
    std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
    tensors_.push_back({std::move(name), headers_.back().shape, headers_.back().dtype});
  }

  /// The elements as they lie in the member.
  [[nodiscard]] std::span<const std::byte> data(std::size_t index) const {
    try {
      return archive_.contents(index).subspan(headers_[index].data_begin);
    } catch (Error& error) {
      error.at_file(path_);
      throw;
    }
  }

  std::string path_;
  ZipArchive archive_;
  std::vector<TensorInfo> tensors_;
  std::vector<NpyHeader> headers_;
};

void write_member(const ModelReader& model, std::size_t index, ZipWriter& zip, Meter& meter) {
  const TensorInfo& info = model.tensors()[index];
  if (info.name.empty()) throw Error("a tensor without a name cannot go into an .npz file");
  const std::string header = make_npy_header(info);
  zip.begin(info.name + std::string(kSuffix), header.size() + info.bytes());
  zip.write(std::as_bytes(std::span(header)));
  for_each_slab(model, index, meter, [&](std::span<const std::byte> slab) { zip.write(slab); });
  zip.end();
}

}  // namespace

bool npz_claims(const Probe& probe) { return is_zip(probe.head); }

std::unique_ptr<ModelReader> open_npz(const std::filesystem::path& path) {
  try {
    return std::make_unique<NpzModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

void write_npz(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
               const RunOptions& options) {
  const std::uint64_t total = total_bytes(model);
  OutputFile file(path, overwrite, total);
  ZipWriter zip(file);
  Meter meter(options, total);
  for (std::size_t i = 0; i < model.tensors().size(); ++i) write_member(model, i, zip, meter);
  zip.finish();
  file.commit();
}

}  // namespace wquant
