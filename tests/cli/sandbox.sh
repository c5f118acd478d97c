# Sourced by the runners of this folder.

# prepare WQUANT FOLDER: makes the folder of models once for the cases to copy.
prepare() {
  local here python=python3
  here=$(dirname "${BASH_SOURCE[0]}")
  # Another python3 may come first in PATH that has no numpy.
  if [[ -x /usr/bin/python3 ]]; then python=/usr/bin/python3; fi
  if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "python3 with numpy is not installed: skipped"
    exit 77
  fi
  rm -rf "$2"
  mkdir -p "$2"
  "$python" "$here/make_fixtures.py" "$2"
  (cd "$2" && "$1" -q --bits 3 model.npz -o quantized.safetensors)
  "$python" "$here/make_fixtures.py" --damage "$2"
}

# snapshot: every path below the current folder with its type and content.
snapshot() {
  find . -printf '%y %m %l %p\n' | LC_ALL=C sort
  find . -type f -exec sha256sum {} + | LC_ALL=C sort
}
