#!/usr/bin/env bash
# Quantized ONNX models run in ONNX Runtime as it is published, and give what the dequantized model
# gives. Needs python3-onnx, node and npm, which fetches onnxruntime-node into a temporary folder
# unless WQUANT_ONNXRUNTIME names a folder where it is installed. Exit code 77: skipped.
# Usage: run.sh WQUANT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wquant=$(realpath "${1:?usage: run.sh WQUANT}")

skip() {
  echo "onnxruntime: $*: skipped"
  exit 77
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 -c 'import onnx' 2>/dev/null || skip "python3-onnx is not installed"
command -v node >/dev/null || skip "node is not installed"
modules=${WQUANT_ONNXRUNTIME:-$work}
if [[ ! -d $modules/node_modules/onnxruntime-node ]]; then
  command -v npm >/dev/null || skip "npm is not installed"
  (cd "$work" && timeout 300 npm install --ignore-scripts --silent onnxruntime-node >/dev/null 2>&1) ||
    skip "npm cannot fetch onnxruntime-node"
fi

cd "$work"
/usr/bin/python3 "$here/../formats/make_onnx_files.py" .
pairs=()
for name in net old half bytes; do
  for bits in 1 2 3 4 5 6 7 8; do
    "$wquant" -q --bits "$bits" "$name.onnx" -o "q$bits.$name.onnx"
    "$wquant" -q --bits "$bits" "$name.onnx" -o "q$bits.$name.safetensors" --force
    "$wquant" dequantize -q "q$bits.$name.safetensors" -o "float$bits.$name.onnx" --like "$name.onnx"
    pairs+=("q$bits.$name.onnx" "float$bits.$name.onnx")
  done
done
node "$here/compare.mjs" "$modules" "${pairs[@]}"
