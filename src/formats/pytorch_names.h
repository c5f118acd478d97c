#pragma once

#include <string>
#include <vector>

namespace wquant {

/// The keys and positions that lead to a tensor.
using PytorchPath = std::vector<std::string>;

/// Names for the tensors at these paths: parts joined by ".", without the first parts that all
/// paths share and that are not the last of one, and without the "module." that all the rest may
/// begin with. An empty path, of which there can be one only, gets the name `alone`. Throws Error
/// when two names are the same.
std::vector<std::string> pytorch_names(const std::vector<PytorchPath>& paths,
                                       const std::string& alone);

}  // namespace wquant
