#!/usr/bin/env bash
# The errors and some cases of this folder with valgrind in front of the program: a read of what was never
# written, an access outside of what is allocated or a leak makes the exit code 99, which no case expects.
# Usage: under_valgrind.sh WQUANT WORK_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wquant=$(realpath "$1")
mkdir -p "$2"
work=$(cd "$2" && pwd)
cat >"$work/wquant" <<END
#!/bin/sh
exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \\
  --log-file=$work/valgrind.%p.log $wquant "\$@"
END
chmod +x "$work/wquant"
"$here/prepare.sh" "$wquant" "$work/models"
failures=0
export WQUANT_CASE_SECONDS=1000
for case in dequantize_formats entropy_size granularity zeros_stay quantized_shards onnx_to_onnx odd_names \
  verify_against inspect_histogram standard_input; do
  "$here/run_case.sh" "$work/wquant" "$work/models" "$work/$case" "$here/cases/$case.sh" ||
    failures=$((failures + 1))
done
echo "valgrind: $failures cases failed"
((failures == 0))
