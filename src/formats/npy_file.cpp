#include "formats/npy_file.h"

#include <algorithm>

#include "base/output_file.h"
#include "formats/npy_array.h"
#include "formats/slabs.h"

namespace wquant {

NpyFile::NpyFile(const std::filesystem::path& path) : file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  header_ = parse_npy_header(bytes.first(std::min(bytes.size(), kMaxNpyHeader)), bytes.size());
}

void NpyFile::read(std::uint64_t first, std::span<std::byte> out) const {
  const std::uint64_t size = data().size();
  if (is_native(header_) && first <= size && out.size() <= size - first) {
    return file_.copy(header_.data_begin + first, out);
  }
  read_npy(header_, data(), first, out);
}

std::span<const std::byte> NpyFile::view() const {
  if (!is_native(header_)) return {};
  return data();
}

void NpyFile::release(std::uint64_t first, std::uint64_t size) const {
  // Bytes of another order lie all over the file.
  if (!header_.fortran_order) file_.release(header_.data_begin + first, size);
}

std::span<const std::byte> NpyFile::data() const {
  return file_.bytes().subspan(header_.data_begin);
}

void write_npy_file(const ModelReader& model, std::size_t index, const std::filesystem::path& path,
                    Overwrite overwrite, Meter& meter) {
  const TensorInfo& info = model.tensors()[index];
  const std::string header = make_npy_header(info);
  OutputFile file(path, overwrite, header.size() + info.bytes());
  file.append(header);
  for_each_slab(model, index, meter, [&](std::span<const std::byte> slab) { file.append(slab); });
  file.commit();
}

}  // namespace wquant
