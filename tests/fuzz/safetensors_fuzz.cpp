#include "formats/safetensors.h"

#include "fuzz/fuzz_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wquant::fuzz::MemoryFile file({data, size});
  wquant::fuzz::open_and_read(wquant::open_safetensors, file.path());
  return 0;
}
