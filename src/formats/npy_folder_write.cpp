#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "formats/npy_file.h"
#include "formats/npy_folder.h"
#include "formats/output_folder.h"
#include "formats/slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".npy";
constexpr std::array<std::string_view, 1> kSuffixes = {kSuffix};
constexpr std::size_t kMaxFileName = 255;

/// For a part of a path of which the last gets the suffix.
bool is_file_name(std::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         part.size() <= kMaxFileName - kSuffix.size() && part.find('\0') == std::string_view::npos;
}

/// The path of a tensor's file in the folder; never outside of it.
fs::path file_of(const std::string& tensor) {
  for (std::size_t begin = 0; begin <= tensor.size();) {
    const std::size_t end = std::min(tensor.find('/', begin), tensor.size());
    if (!is_file_name(std::string_view(tensor).substr(begin, end - begin))) {
      throw Error("its name cannot be that of a file in a folder", "write npz or safetensors")
          .at_tensor(tensor);
    }
    begin = end + 1;
  }
  return tensor + std::string(kSuffix);
}

void write_files(const ModelReader& model, const std::vector<fs::path>& files,
                 const fs::path& folder, Meter& meter) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path file = folder / files[i];
    try {
      fs::create_directories(file.parent_path());
      write_npy_file(model, i, file, Overwrite::kRefuse, meter);
    } catch (const fs::filesystem_error& error) {
      throw Error("cannot create its folder: " + error.code().message())
          .at_tensor(model.tensors()[i].name);
    }
  }
}

void write_folder(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                  const RunOptions& options) {
  if (model.tensors().empty()) throw Error("the model has no tensors", "write npz or safetensors");
  std::vector<fs::path> files;
  for (const TensorInfo& info : model.tensors()) {
    files.push_back(file_of(info.name));
    static_cast<void>(make_npy_header(info));  // Throws before the work for what cannot be written.
  }
  OutputFolder folder(path, overwrite, kSuffixes);
  Meter meter(options, total_bytes(model));
  write_files(model, files, folder.temporary_path(), meter);
  folder.commit();
}

}  // namespace

void write_npy_folder(const ModelReader& model, const fs::path& path, Overwrite overwrite,
                      const RunOptions& options) {
  write_output_folder(
      path, [&](const fs::path& folder) { write_folder(model, folder, overwrite, options); });
}

}  // namespace wquant
