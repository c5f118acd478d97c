#!/usr/bin/env bash
# The kernels for aarch64 and their unit tests, compiled for it and run by qemu. Exit code 77: skipped.
# Usage: neon.sh BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?usage: neon.sh BUILD_FOLDER}

for tool in aarch64-linux-gnu-g++-12 qemu-aarch64; do
  command -v $tool >/dev/null && continue
  echo "neon: $tool is not installed (scripts/setup --cross): skipped"
  exit 77
done

cmake -S "$here/kernels" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_TOOLCHAIN_FILE="$here/../../cmake/aarch64.cmake" >/dev/null
cmake --build "$build"
names=$(qemu-aarch64 "$build/kernels_tests" --gtest_list_tests)
if [[ $names != *"/neon"* ]]; then
  echo "neon: the kernels that run on aarch64 are not those of NEON" >&2
  exit 1
fi
qemu-aarch64 "$build/kernels_tests" --gtest_brief=1
