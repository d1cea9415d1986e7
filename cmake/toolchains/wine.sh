#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# wine.sh PREFIX PROGRAM [ARGUMENT...]: runs a Windows program under Wine.
#
# The prefix is made at the first call and is ours alone, so that nobody's Wine
# set-up matters or is changed. The server stays for some minutes after its last
# program: with it there, a program starts within 50 ms instead of seconds.
set -eu

mkdir -p "$1"
WINEPREFIX=$(cd "$1" && pwd)
export WINEPREFIX
shift
export WINEDEBUG="${WINEDEBUG:--all}"
export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=d'

# One at a time. The first program of a server starts Wine's own processes, which
# keep whatever output it has: so it must not be the one we were asked to run,
# or who reads our output would wait for them to end.
start_server() {
  flock 9
  wineserver -k0 9>&- && return
  wineserver --persistent=300 9>&-
  wine cmd /c exit 9>&-
}
(start_server) 9> "$WINEPREFIX.lock" < /dev/null > "$WINEPREFIX.log" 2>&1

# Wine needs 900 KiB below 0x7ffe1000. Its loader is linked at 0x7d000000 and the
# kernel puts the C library's heap within 1 GiB behind that: about one start in a
# thousand would find its pages taken, and fail or hang. So there is no heap, but
# a mapping for each allocation. The server is linked elsewhere.
export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1
exec wine "$@"
