#include <fstream>

#include "formats/quantized_file.h"
#include "formats/quantized_shards.h"
#include "formats/safetensors_shards.h"
#include "fuzz/fuzz_support.h"

namespace {

namespace fs = std::filesystem;

void write_safetensors(const fs::path& path, const std::string& json, const std::string& data) {
  const std::uint64_t length = json.size();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << json << data;
}

/// A folder with one.safetensors, which holds the tensors "a" and "b".
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "wquant-fuzz-XXXXXX").string();
    path_ = mkdtemp(name.data());
    write_safetensors(path_ / "one.safetensors",
                      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                      "xy");
    quantize_two();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  [[nodiscard]] fs::path index() const { return path_ / "m.safetensors.index.json"; }
  /// Of a quantized model in two files, which holds the tensors "c" and "d".
  [[nodiscard]] fs::path quantized_index() const {
    return path_ / "q/model.safetensors.index.json";
  }

 private:
  void quantize_two() const {
    for (const std::string name : {"c", "d"}) {
      write_safetensors(
          path_ / (name + ".safetensors"),
          R"({")" + name + R"(":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})",
          name == "c" ? "abcdefgh12345678" : "ijklmnop87654321");
    }
    std::ofstream(index()) << R"({"weight_map":{"c":"c.safetensors","d":"d.safetensors"}})";
    const auto model = wquant::open_safetensors_shards(index());
    wquant::Settings settings;
    settings.tensor.bits = 1;
    const wquant::Plan plan = make_plan(*model, settings);
    const wquant::QuantizedJob job{*model, plan, settings, path_ / "q"};
    const auto writer = make_quantized_shards(job, wquant::Overwrite::kRefuse);
    wquant::Report report = quantize(*model, plan, *writer);
    writer->finish(report);
  }

  fs::path path_;
};

void open_quantized(const fs::path& index) {
  wquant::fuzz::open_and_read(
      [](const auto& path) { return std::make_unique<wquant::QuantizedModel>(path); }, index);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder kFolder;
  for (const fs::path& index : {kFolder.index(), kFolder.quantized_index()}) {
    std::ofstream(index, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  wquant::fuzz::open_and_read(wquant::open_safetensors_shards, kFolder.index());
  open_quantized(kFolder.quantized_index());
  return 0;
}
