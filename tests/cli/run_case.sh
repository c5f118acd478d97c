#!/usr/bin/env bash
# Runs one case: the script NAME.sh in a folder with copies of the models, `wquant` in its PATH. The
# file NAME.expect beside it tells what must come of it, one demand a line:
#   exit CODE                  the script's exit code (its last command's)
#   stdout REGEX, stderr REGEX a line that matches the extended regular expression
#   no-stdout, no-stderr       nothing there
# Usage: run_case.sh WQUANT MODELS_FOLDER WORK_FOLDER CASE.sh
set -euo pipefail
wquant=$1 models=$2 work=$3 case=$4
expect=${case%.sh}.expect
if [[ ! -e $models/quantized.safetensors ]]; then
  echo "no models: skipped"
  exit 77
fi

rm -rf "$work"
mkdir -p "$work/bin"
work=$(cd "$work" && pwd)
ln -s "$wquant" "$work/bin/wquant"
cp -a "$models" "$work/sandbox"

status=0
(cd "$work/sandbox" && PATH=$work/bin:$PATH timeout "${WQUANT_CASE_SECONDS:-100}" bash -eu "$case") \
  >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || status=$?

failures=0
fail() {
  echo "$(basename "$case"): $*"
  failures=$((failures + 1))
}
while read -r demand argument; do
  case $demand in
    exit) [[ $status == "$argument" ]] || fail "exit code $status, expected $argument" ;;
    stdout | stderr)
      grep -qE -- "$argument" "$work/$demand.txt" || fail "$demand does not match: $argument" ;;
    no-stdout) [[ ! -s $work/stdout.txt ]] || fail "stdout is not empty" ;;
    no-stderr) [[ ! -s $work/stderr.txt ]] || fail "stderr is not empty" ;;
    '' | '#') ;;
    *) fail "unknown demand $demand" ;;
  esac
done <"$expect"
if ((failures > 0)); then
  head -n 50 "$work/stdout.txt" "$work/stderr.txt"
  exit 1
fi
