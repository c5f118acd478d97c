#!/usr/bin/env bash
# docs/results.md and its charts hold what the program writes today, for what is cheap to repeat.
# Usage: check_results.sh PAPERS DOCS WORK_FOLDER
set -euo pipefail
papers=$1 docs=$2 work=$3

mkdir -p "$work"
"$papers" partitions --charts "$work/results" >"$work/section.md"
# The section lies between its heading and the next one.
sed -n '/^## 1\./,/^## 2\./p' "$docs/results.md" | sed '$d' | sed '$d' >"$work/written.md"
if ! diff "$work/written.md" "$work/section.md"; then
  echo "docs/results.md is out of date: run scripts/reproduce" >&2
  exit 1
fi
for chart in "$work"/results/*.svg; do cmp "$chart" "$docs/results/$(basename "$chart")"; done
