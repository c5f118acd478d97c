#pragma once

#include <cfenv>

namespace wquant {

/// Floating point as a program starts with it, whatever the caller has set (rounding direction,
/// denormals as zeros, traps), until it goes out of scope; then it is the caller's again. Threads
/// that are started meanwhile inherit it. So results do not depend on who calls.
class FloatEnvironment {
 public:
  FloatEnvironment() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;
  ~FloatEnvironment() { std::fesetenv(&before_); }

 private:
  std::fenv_t before_ = {};
};

}  // namespace wquant
