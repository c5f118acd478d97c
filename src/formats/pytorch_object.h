#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "formats/pickle.h"
#include "formats/strided.h"
#include "wquant/model.h"

namespace wquant {

/// Bytes outside the pickle that tensors are views of.
struct PytorchStorage {
  std::string key;
  std::uint64_t count = 0;  ///< Elements.
  std::size_t element = 1;  ///< Bytes.

  [[nodiscard]] std::uint64_t bytes() const { return count * element; }
};

struct PytorchTensor {
  TensorInfo info;
  StridedLayout layout;
  std::size_t storage = 0;   ///< Its place in PytorchObject::storages.
  std::uint64_t begin = 0;   ///< Byte of the first element in the storage.
  std::uint64_t extent = 0;  ///< Bytes from the first element to the end of the last.
};

/// What a PyTorch file holds.
struct PytorchObject {
  std::vector<PytorchStorage> storages;
  std::vector<PytorchTensor> tensors;
};

/// Tensors that a pickle names, by these texts, but does not describe; they have no names yet.
struct PytorchOutside {
  std::vector<PytorchStorage> storages;
  std::map<std::string, PytorchTensor, std::less<>> tensors;
};

/// Finds the tensors in the dicts, lists and tuples of a file's pickle. A name is the keys and
/// positions that lead to a tensor, joined by "."; what leads to all tensors alike is left out: a
/// container that holds them all ("state_dict" of a checkpoint) and then the "module." of a model
/// that was trained in parallel. A tensor that is the whole file gets the name `alone`. Checks that
/// every tensor lies in its storage. Throws Error naming the tensor.
PytorchObject read_pytorch_object(const Pickle& pickle, const std::string& alone,
                                  const PytorchOutside* outside = nullptr);

/// Sets where in its storage of `bytes` bytes a tensor of known shape and strides lies, from
/// element `offset` on. Throws Error when it does not lie within.
void place_pytorch_tensor(PytorchTensor& tensor, std::uint64_t offset, std::uint64_t bytes);

}  // namespace wquant
