#pragma once

#include <map>
#include <string>

namespace wquant {

/// Reads a JSON object of numbers by tensor name. Throws Error naming the file.
std::map<std::string, double> read_weights(const std::string& path);

}  // namespace wquant
