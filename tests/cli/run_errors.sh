#!/usr/bin/env bash
# Every line of errors.txt: the command ends with the exit code, its message on stderr is one line
# "wquant: ..." that matches the pattern, stdout stays empty, and no file appears, changes or goes.
# Usage: run_errors.sh WQUANT WORK_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/sandbox.sh"
wquant=$1 work=$2
mkdir -p "$work"
work=$(cd "$work" && pwd)
mkdir -p "$work/bin"
ln -sf "$wquant" "$work/bin/wquant"
PATH=$work/bin:$PATH

fresh_sandbox() {
  rm -rf "$work/sandbox"
  cp -a "$work/models" "$work/sandbox"
  cd "$work/sandbox"
  ln -s model.npz link.npz
  ln model.npz hard.npz
  mkdir -p locked
  cp -a model.npz locked/
  chmod 555 locked
  snapshot >"$work/before.txt"
}

trimmed() { sed -E 's/^ +//; s/ +$//' <<<"$1"; }

# problem CODE PATTERN STATUS: what is wrong with the case that has just run; nothing when all is right.
problem() {
  if [[ $3 != "$1" ]]; then echo "exit code $3, expected $1"; fi
  if ! grep -qE -- "$2" "$work/stderr.txt"; then echo "stderr does not match: $2"; fi
  if [[ $(wc -l <"$work/stderr.txt") != 1 ]]; then echo "stderr is not one line"; fi
  if ! grep -q '^wquant: ' "$work/stderr.txt"; then echo "stderr does not begin with wquant:"; fi
  # What verify found is its result, whatever the limit.
  if [[ -s $work/stdout.txt && $1 != 3 ]]; then echo "stdout is not empty"; fi
  snapshot >"$work/after.txt"
  diff "$work/before.txt" "$work/after.txt" || true
}

chmod -R u+w "$work/sandbox" 2>/dev/null || true
prepare "$wquant" "$work/models"
fresh_sandbox

cases=0 skipped=0 failures=0
while IFS='|' read -r code pattern command; do
  code=${code// /} pattern=$(trimmed "$pattern") command=$(trimmed "$command")
  case $code in
    '' | '#'*) continue ;;
    *u) # Not for the superuser, whom permissions do not stop.
      if ((EUID == 0)); then skipped=$((skipped + 1)); continue; fi
      code=${code%u}
      ;;
  esac
  cases=$((cases + 1))
  status=0
  timeout 60 bash -c "$command" >"$work/stdout.txt" 2>"$work/stderr.txt" </dev/null || status=$?
  found=$(problem "$code" "$pattern" "$status")
  if [[ -n $found ]]; then
    failures=$((failures + 1))
    printf 'FAILED: %s\n%s\nstderr: %s\n\n' "$command" "$found" "$(head -c 2000 "$work/stderr.txt")"
    chmod -R u+w "$work/sandbox"
    fresh_sandbox
  fi
done <"$here/errors.txt"

chmod -R u+w "$work/sandbox"
echo "$cases cases, $failures failed, $skipped skipped"
((failures == 0 && cases >= 60))
