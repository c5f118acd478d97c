#!/usr/bin/env bash
# The whole library and the program for aarch64, run by qemu: the unit tests, and that it writes the same
# bytes as the program of this machine. Exit code 77: skipped.
# Usage: library.sh WQUANT BUILD_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wquant=$(realpath "${1:?usage: library.sh WQUANT BUILD_FOLDER}")
build=$(realpath -m "${2:?usage: library.sh WQUANT BUILD_FOLDER}")
root=$build/root

skip() {
  echo "cross: $*: skipped"
  exit 77
}
for tool in aarch64-linux-gnu-g++-12 qemu-aarch64; do
  command -v $tool >/dev/null || skip "$tool is not installed (scripts/setup --cross)"
done
"$here/fetch.sh" "$root" || skip "apt-get cannot fetch the libraries of aarch64"

cmake -S "$here/../.." -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DWQUANT_HDF5=OFF \
  -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake -DWQUANT_AARCH64_ROOT="$root"
cmake --build "$build" --target wquant unit_tests formats_tests

libraries=$root/usr/lib/aarch64-linux-gnu:$root/lib/aarch64-linux-gnu
emulate() { qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$libraries" "$@"; }
cd "$build"
emulate tests/unit_tests --gtest_brief=1
emulate tests/formats_tests --gtest_brief=1

echo "the same bytes"
mkdir -p here there
model=$here/../../data/sample.npz
for bits in 1 2 3 4 5 8; do
  for settings in "" --mode=linear --mode=kmeans --balance=kernel --granularity=channel \
    --granularity=group:32 --coding=entropy; do
    options=(-q --force --bits "$bits" ${settings:+"$settings"} "$model" -o q.safetensors)
    (cd here && "$wquant" "${options[@]}")
    (cd there && emulate "$build/wquant" "${options[@]}")
    for file in q.safetensors q.report.json; do
      cmp here/$file there/$file || { echo "cross: --bits $bits $settings differs" >&2; exit 1; }
    done
  done
done
