#!/usr/bin/env bash
# Networks with labelled images, quantized with 1 to 8 bits, with and without scales of channels: each
# quantized ONNX model passes onnx.checker and wquant verify, has at most 3 % more bytes than the parts
# it is made of, has in ONNX Runtime the accuracy that eval.py finds for the dequantized .npz, and gives
# the logits of the dequantized model. Takes minutes, so it is no part of scripts/test.
# Usage: networks.sh WQUANT FOLDER NETWORK:IMAGES ...
# FOLDER holds NETWORK.onnx and NETWORK.npz, IMAGES_images.npy and IMAGES_labels.npy, and eval.py, which
# is called with NETWORK and an .npz file. Needs python3-onnx, node, and npm or WQUANT_ONNXRUNTIME as
# run.sh does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
(($# >= 3)) || { sed -n 's/^# Usage: /usage: /p' "$0" >&2 && exit 2; }
wquant=$(realpath "$1") folder=$(realpath "$2")
shift 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules=${WQUANT_ONNXRUNTIME:-$work}
if [[ ! -d $modules/node_modules/onnxruntime-node ]]; then
  (cd "$work" && npm install --ignore-scripts --silent onnxruntime-node)
fi
cd "$work"

failures=0
for network in "$@"; do
  images=${network#*:} network=${network%%:*}
  forms=() pairs=()
  for granularity in tensor channel; do
    for bits in {1..8}; do
      form=$network.$granularity.$bits options=(-q --bits "$bits" --granularity "$granularity")
      "$wquant" "${options[@]}" "$folder/$network.onnx" -o "$form.onnx"
      "$wquant" verify -q "$form.onnx"
      "$wquant" "${options[@]}" "$folder/$network.npz" -o "$form.safetensors" --force
      "$wquant" dequantize -q "$form.safetensors" -o "$form.npz"
      "$wquant" dequantize -q "$form.onnx" -o "$form.float.onnx" --like "$folder/$network.onnx"
      forms+=("$form") pairs+=("$form.onnx" "$form.float.onnx")
    done
  done
  node "$here/networks.mjs" "$modules" "$folder/${images}_images.npy" "$folder/${images}_labels.npy" \
    "${pairs[@]}" >results
  for form in "${forms[@]}"; do
    read -r _ accuracy difference < <(grep -F "$form.onnx " results)
    expected=$(/usr/bin/python3 "$folder/eval.py" "$network" "$form.npz")
    /usr/bin/python3 "$here/check_network.py" "$folder/$network.onnx" "$form" "$accuracy" "$expected" \
      "$difference" || failures=$((failures + 1))
  done
done
echo "onnxruntime: $failures failures"
((failures == 0))
