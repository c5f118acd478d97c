#!/usr/bin/env bash
# Unpacks, without installing them, Debian's packages of those libraries for aarch64 that wquant is
# linked with, into a folder that cmake/aarch64.cmake takes as WQUANT_AARCH64_ROOT. Usage: fetch.sh FOLDER
set -euo pipefail
root=${1:?usage: fetch.sh FOLDER}
if [[ -e $root/complete ]]; then exit; fi
packages=(libdeflate-dev libdeflate0 libfmt-dev libfmt9 libgmock-dev libgtest-dev libminizip-dev
  libminizip1 libspdlog-dev libspdlog1.10 zlib1g zlib1g-dev)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,packages}
: >"$work/status"
cat >"$work/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
CONF
export APT_CONFIG=$work/apt.conf
apt-get -qq update
(cd "$work/packages" && apt-get -qq download "${packages[@]}")
for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done
touch "$root/complete"
