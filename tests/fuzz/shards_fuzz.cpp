#include <fstream>

#include "formats/safetensors_shards.h"
#include "fuzz/fuzz_support.h"

namespace {

namespace fs = std::filesystem;

/// A folder with one.safetensors, which holds the tensors "a" and "b".
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "wquant-fuzz-XXXXXX").string();
    path_ = mkdtemp(name.data());
    const std::string json = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})";
    const std::uint64_t length = json.size();
    std::ofstream out(path_ / "one.safetensors", std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out << json << "xy";
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  [[nodiscard]] fs::path index() const { return path_ / "m.safetensors.index.json"; }

 private:
  fs::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder kFolder;
  std::ofstream(kFolder.index(), std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  wquant::fuzz::open_and_read(wquant::open_safetensors_shards, kFolder.index());
  return 0;
}
