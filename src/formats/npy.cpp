#include "formats/npy.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "formats/npy_file.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

class NpyModel : public ModelReader {
 public:
  explicit NpyModel(const std::filesystem::path& path)
      : path_(path.string()),
        file_(path),
        tensors_{{path.stem().string(), file_.header().shape, file_.header().dtype}} {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "npy"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t, std::uint64_t first, std::span<std::byte> out) const override {
    try {
      file_.read(first, out);
    } catch (Error& error) {
      error.at_tensor(tensors_.front().name).at_file(path_);
      throw;
    }
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t) const override { return file_.view(); }
  void release(std::size_t, std::uint64_t first, std::uint64_t size) const override {
    file_.release(first, size);
  }

 private:
  std::string path_;
  NpyFile file_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace

bool npy_claims(const Probe& probe) { return is_npy(probe.head); }

std::unique_ptr<ModelReader> open_npy(const std::filesystem::path& path) {
  try {
    return std::make_unique<NpyModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

void write_npy(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
               const RunOptions& options) {
  const std::size_t count = model.tensors().size();
  if (count != 1) {
    throw Error(fmt::format("the model has {} tensors and a .npy file holds one", count),
                "write npz or npy-folder", ErrorKind::kUsage);
  }
  Meter meter(options, total_bytes(model));
  write_npy_file(model, 0, path, overwrite, meter);
}

}  // namespace wquant
