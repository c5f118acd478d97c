#include "kernels/kernels.h"

#include <cstdlib>
#include <cstring>

namespace wquant {

KernelList runnable_kernels() {
#ifdef WQUANT_AVX2
  static constexpr const Kernels* kAll[] = {&kScalarKernels, &kAvx2Kernels};
  __builtin_cpu_init();
  return {kAll, __builtin_cpu_supports("avx2") ? std::size_t{2} : std::size_t{1}};
#elif defined(WQUANT_NEON)
  static constexpr const Kernels* kAll[] = {&kScalarKernels, &kNeonKernels};
  return {kAll, 2};
#else
  static constexpr const Kernels* kAll[] = {&kScalarKernels};
  return {kAll, 1};
#endif
}

namespace {

const Kernels& choose() {
  const KernelList list = runnable_kernels();
  const char* wanted = std::getenv("WQUANT_KERNELS");
  for (std::size_t i = 0; wanted != nullptr && i < list.size; ++i) {
    if (std::strcmp(wanted, list.begin[i]->name) == 0) return *list.begin[i];
  }
  return *list.begin[list.size - 1];
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace wquant
