#include "formats/pickle.h"

#include <cstdint>
#include <cstdlib>

#include "formats/pytorch_globals.h"
#include "formats/pytorch_object.h"
#include "wquant/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const wquant::Pickle pickle = wquant::parse_pickle({reinterpret_cast<const char*>(data), size},
                                                       wquant::find_pytorch_global);
    if (pickle.size > size) std::abort();
    const wquant::PytorchObject object = wquant::read_pytorch_object(pickle, "alone");
    for (const wquant::PytorchTensor& tensor : object.tensors) {
      const std::uint64_t bytes = object.storages.at(tensor.storage).bytes();
      if (tensor.begin > bytes || tensor.extent > bytes - tensor.begin) std::abort();
    }
  } catch (const wquant::Error&) {
    return 0;
  }
  return 0;
}
