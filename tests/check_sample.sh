#!/usr/bin/env bash
# The sample model of data/ classifies as well as data/README.md says, and 4 bits keep that.
# Usage: check_sample.sh WQUANT SAMPLE_MODEL DATA_FOLDER WORK_FOLDER
set -euo pipefail
wquant=$1 sample_model=$2 data=$3 work=$4

# at_least NUMBER LIMIT WHAT
at_least() {
  echo "$3: $1 %, must be at least $2 %"
  awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'
}

mkdir -p "$work"
before=$("$sample_model" evaluate "$data/sample.npz" "$data/sample_test.npz")
grep -qF "$before %" "$data/README.md" || { echo "data/README.md does not say $before %"; exit 1; }
at_least "$before" 95 "float32"
"$wquant" --bits 4 --mode exp "$data/sample.npz" -o "$work/sample.safetensors" --force >/dev/null
after=$("$sample_model" evaluate "$work/sample.safetensors" "$data/sample_test.npz")
at_least "$after" "$(awk -v a="$before" 'BEGIN { print a - 1.5 }')" "4 bits"
