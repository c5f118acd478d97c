#pragma once

#include <string>

#include "wquant/error.h"

namespace wquant {

/// Throws Error for what was typed wrongly.
[[noreturn]] inline void fail_usage(const std::string& problem, const std::string& remedy) {
  throw Error(problem, remedy, ErrorKind::kUsage);
}

}  // namespace wquant
