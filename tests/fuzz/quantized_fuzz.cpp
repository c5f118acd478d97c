#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
#include "fuzz/fuzz_support.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

/// The header between the length word and the data, as far as the length is right.
std::string_view json_of(const Bytes& bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return {};
  std::memcpy(&length, bytes.data(), sizeof length);
  return {reinterpret_cast<const char*>(bytes.data()) + sizeof length,
          std::min<std::uint64_t>(length, bytes.size() - sizeof length)};
}

/// Gives the header the checksum that it should have: else none gets past it.
void mend_checksum(Bytes& bytes) {
  constexpr std::string_view kKey = R"("wquant.header_checksum":")";
  try {
    const std::string_view json = json_of(bytes);
    const std::string digits = wquant::checksum_text(wquant::header_checksum(json));
    const std::size_t at = sizeof(std::uint64_t) + json.find(kKey) + kKey.size();
    std::memcpy(bytes.data() + at, digits.data(), digits.size());
  } catch (const wquant::Error&) {
    return;  // It has no place for one.
  }
}

void verify(const std::filesystem::path& path) {
  try {
    wquant::QuantizedModel(path).verify();
  } catch (const wquant::Error& error) {
    if (std::strlen(error.what()) == 0) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, data + size);
  mend_checksum(bytes);
  const wquant::fuzz::MemoryFile file(bytes);
  wquant::fuzz::open_and_read(
      [](const auto& path) { return std::make_unique<wquant::QuantizedModel>(path); }, file.path());
  verify(file.path());
  return 0;
}
