#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace wquant::test {

/// Numbers that are denormal count as zeros from now on, in this thread and those it starts, until
/// the floating-point environment is set again; on other machines nothing changes.
inline void flush_denormals() {
#if defined(__SSE2__)
  constexpr unsigned kFlushAndDenormalsAreZero = 0x8040;
  _mm_setcsr(_mm_getcsr() | kFlushAndDenormalsAreZero);
#elif defined(__aarch64__)
  constexpr std::uint64_t kFlushToZero = std::uint64_t{1} << 24;
  std::uint64_t control = 0;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  asm volatile("msr fpcr, %0" : : "r"(control | kFlushToZero));
#endif
}

}  // namespace wquant::test
