#!/usr/bin/env bash
# Who may include whom, and how long a file may be. Usage: check_includes.sh SOURCE_FOLDER
set -euo pipefail
cd "${1:?usage: check_includes.sh SOURCE_FOLDER}"

failures=0
fail() {
  printf '%s\n' "$*" >&2
  failures=$((failures + 1))
}

# Folders of src/ that a folder of src/ may include, besides itself and include/wquant.
declare -A may=(
  [cli]="report formats quant base"
  [formats]="coding base"
  [report]="base"
  [quant]="coding kernels base"
  [coding]="base"
  [kernels]=""
  [base]=""
)

# files PATTERN...: those of them that exist.
files() {
  compgen -G "$1" || true
  shift
  if (($# > 0)); then files "$@"; fi
}

# includes FILE: what its #include lines name, with the quotes or brackets.
includes() {
  sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]*[>"]).*/\1/p' "$1"
}

check_layers() {
  local layer=$1 file name target
  while read -r file; do
    while read -r name; do
      [[ $name == \"*/* ]] || continue
      target=${name#\"}
      target=${target%%/*}
      [[ $target == wquant || $target == "$layer" ]] && continue
      [[ " ${may[$layer]} " == *" $target "* ]] || fail "$file: $layer may not include $name"
    done < <(includes "$file")
  done < <(files "src/$layer/*.h" "src/$layer/*.cpp")
}

# What only the program may use: the library never prints and never parses arguments.
check_program_only() {
  local file name
  while read -r file; do
    while read -r name; do
      case $name in
        '<CLI/'* | '<spdlog/'* | '<iostream>')
          fail "$file: only src/cli and src/main.cpp may include $name"
          ;;
      esac
    done < <(includes "$file")
  done < <(find src include -name '*.h' -o -name '*.cpp' | grep -vE '^src/(cli/|main\.cpp$)')
}

# Public headers include only each other and the standard library, whose headers have neither a
# folder nor a suffix.
check_public() {
  local file name
  for file in include/wquant/*.h; do
    while read -r name; do
      [[ $name == '"wquant/'* || $name =~ ^\<[a-z0-9_]+\>$ ]] ||
        fail "$file: a public header may not include $name"
    done < <(includes "$file")
  done
}

check_lengths() {
  local limit=400 file lines
  while read -r file; do
    lines=$(wc -l <"$file")
    ((lines <= limit)) || fail "$file: $lines lines, more than $limit"
  done < <(find src include tests -name '*.h' -o -name '*.cpp')
}

for folder in src/*/; do
  layer=$(basename "$folder")
  if [[ -v may[$layer] ]]; then
    check_layers "$layer"
  else
    fail "src/$layer: not in the list of who may include whom"
  fi
done
check_program_only
check_public
check_lengths
((failures == 0)) || { echo "check_includes: $failures problem(s)" >&2; exit 1; }
