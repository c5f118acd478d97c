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
  for settings in {1..8}:tensor {1..8}:channel {1..8}:group:5; do
    bits=${settings%%:*} granularity=${settings#*:}
    options=(-q --bits "$bits" --granularity "$granularity")
    form=$bits.${granularity%:*}.$name
    "$wquant" "${options[@]}" "$name.onnx" -o "q$form.onnx"
    "$wquant" verify -q "q$form.onnx"
    "$wquant" "${options[@]}" "$name.onnx" -o "q$form.safetensors" --force
    "$wquant" dequantize -q "q$form.safetensors" -o "float$form.onnx" --like "$name.onnx"
    pairs+=("q$form.onnx" "float$form.onnx")
  done
done
node "$here/compare.mjs" "$modules" "${pairs[@]}"
