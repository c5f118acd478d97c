#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wquant/dtype.h"

namespace wquant {

/// What a global of a PyTorch file stands for.
enum class PytorchRole : std::uint8_t {
  kOrderedDict,
  kTensor,          ///< torch._utils._rebuild_tensor and _v2.
  kTypedTensor,     ///< torch._utils._rebuild_tensor_v3: the dtype is an argument.
  kParameter,       ///< Wraps a tensor.
  kStorage,         ///< Of elements of `dtype`.
  kUntypedStorage,  ///< Of bytes.
  kDtype,           ///< `dtype` itself.
  kOther,           ///< A plain value that tells nothing about tensors.
};

struct PytorchGlobal {
  std::string_view module, name;
  PytorchRole role;
  Dtype dtype = Dtype::kU8;
};

/// The number of a global in the table of those that are understood; nothing for any other.
std::optional<std::size_t> find_pytorch_global(std::string_view module, std::string_view name);

const PytorchGlobal& pytorch_global(std::size_t number);

/// Name of the storage class in module torch for elements of `dtype`; empty when there is none.
std::string_view pytorch_storage_name(Dtype dtype);

}  // namespace wquant
