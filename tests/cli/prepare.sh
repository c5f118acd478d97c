#!/usr/bin/env bash
# Makes the models that the cases copy. Usage: prepare.sh WQUANT FOLDER
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/sandbox.sh"
prepare "$1" "$2"
