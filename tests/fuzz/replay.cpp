// Gives the files named as arguments, or all of a folder, to a fuzz target, and for each also all
// its truncations and a copy with each byte changed.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

void replay(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  run(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    run(bytes.substr(0, i));
    for (const int change : {0x01, 0x80, 0xFF}) {
      bytes[i] = static_cast<char>(bytes[i] ^ change);
      run(bytes);
      bytes[i] = static_cast<char>(bytes[i] ^ change);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (const fs::path path : std::vector<std::string>(argv + 1, argv + argc)) {
    if (!fs::is_directory(path)) {
      replay(path);
      ++files;
      continue;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      replay(entry.path());
      ++files;
    }
  }
  std::printf("%zu files\n", files);
  return files > 0 ? 0 : 1;
}
