#include "formats/pytorch.h"

#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "formats/pickle.h"
#include "formats/pytorch_file.h"
#include "formats/pytorch_globals.h"
#include "formats/pytorch_object.h"
#include "formats/read_view.h"
#include "formats/zip_archive.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::unique_ptr<PytorchFile> open_file(const std::filesystem::path& path) {
  std::string head(4096, '\0');
  std::ifstream(path, std::ios::binary)
      .read(head.data(), static_cast<std::streamsize>(head.size()));
  if (is_zip(head)) return open_pytorch_zip(path);
  return is_pytorch_tar(head) ? open_pytorch_tar(path) : open_legacy_pytorch(path);
}

class PytorchModel : public ModelReader {
 public:
  explicit PytorchModel(const std::filesystem::path& path)
      : path_(path.string()), file_(open_file(path)) {
    const Pickle pickle = parse_pickle(file_->pickle(), find_pytorch_global);
    PytorchObject object = read_pytorch_object(pickle, path.stem().string(), file_->outside());
    file_->place(object.storages, pickle.size);
    places_ = std::move(object.tensors);
    for (const PytorchTensor& tensor : places_) tensors_.push_back(tensor.info);
    find_twins();
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "pytorch"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }

  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    check_range(*this, index, first, out.size());
    if (out.empty()) return;
    const StridedLayout& layout = places_[index].layout;
    if (!layout.is_contiguous()) return read_strided(layout, data(index), first, out);
    std::memcpy(out.data(), data(index).data() + first, out.size());
  }

  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    if (!places_[index].layout.is_contiguous()) return {};
    return data(index);
  }

  void release(std::size_t index, std::uint64_t first, std::uint64_t size) const override {
    const PytorchTensor& place = places_[index];
    if (place.layout.is_contiguous()) file_->release(place.storage, place.begin + first, size);
  }

  [[nodiscard]] std::size_t same_as(std::size_t index) const override { return twins_[index]; }

 private:
  /// From the first element of the tensor to the end of its last.
  [[nodiscard]] std::span<const std::byte> data(std::size_t index) const {
    const PytorchTensor& place = places_[index];
    try {
      return file_->bytes(place.storage).subspan(place.begin, place.extent);
    } catch (Error& error) {
      error.at_file(path_);
      throw;
    }
  }

  void find_twins() {
    std::map<std::tuple<std::size_t, std::uint64_t, Dtype, std::vector<std::uint64_t>,
                        std::vector<std::uint64_t>>,
             std::size_t>
        firsts;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const PytorchTensor& place = places_[i];
      twins_.push_back(firsts
                           .try_emplace({place.storage, place.begin, place.info.dtype,
                                         place.layout.shape, place.layout.strides},
                                        i)
                           .first->second);
    }
  }

  std::string path_;
  std::unique_ptr<PytorchFile> file_;
  std::vector<TensorInfo> tensors_;
  std::vector<PytorchTensor> places_;
  std::vector<std::size_t> twins_;  ///< What same_as() gives.
};

}  // namespace

bool pytorch_claims(const Probe& probe) {
  return is_legacy_pytorch(probe.head) || is_pytorch_tar(probe.head) ||
         (is_zip(probe.head) && probe.head.find("/data.pkl") != std::string_view::npos);
}

std::unique_ptr<ModelReader> open_pytorch(const std::filesystem::path& path) {
  try {
    return std::make_unique<PytorchModel>(path);
  } catch (Error& error) {
    error.at_file(path.string());
    throw;
  }
}

}  // namespace wquant
