#include <memory>

#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
#include "fuzz/fuzz_support.h"

namespace {

using namespace wquant;

/// Gives a file's header the checksum that it should have: else no changed header would be read.
void repair_checksum(std::string& file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length) return;
  std::memcpy(&length, file.data(), sizeof length);
  if (length > file.size() - sizeof length) return;
  try {
    const std::string digits =
        checksum_text(header_checksum(std::string_view(file).substr(sizeof length, length)));
    const std::string key = R"("wquant.header_checksum":")";
    file.replace(file.find(key) + key.size(), digits.size(), digits);
  } catch (const Error&) {
    return;  // It holds no checksum.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  repair_checksum(bytes);
  const fuzz::MemoryFile file({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  fuzz::open_and_read(
      [](const std::filesystem::path& path) { return std::make_unique<QuantizedModel>(path); },
      file.path());
  return 0;
}
