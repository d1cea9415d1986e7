#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# build.sh PKGCONFIG_DIR BUILD_DIR COMPILER...: a project without CMake.
set -eu
export PKG_CONFIG_PATH=$1
build=$2
shift 2
here=$(dirname "$0")
mkdir -p "$build"

"$@" "$here/../find_package/main.cc" -o "$build/library" \
  $(pkg-config --cflags --libs placid)
"$build/library"
"$@" "$here/../header_only/main.cc" -o "$build/headers" \
  $(pkg-config --cflags --libs placid-headers)
"$build/headers"
