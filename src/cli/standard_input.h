#pragma once

#include <memory>
#include <string>

#include "wquant/model.h"

namespace wquant {

/// The name by which a command line means standard input.
inline constexpr const char* kStandardInput = "-";

/// Opens the model that a command line names. Standard input goes into a temporary file first,
/// because a model is read in any order and twice; TMPDIR says where. Throws Error.
std::unique_ptr<ModelReader> open_input(const std::string& name);

}  // namespace wquant
