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

# A Windows process has pages at addresses that Wine cannot choose. Where Linux
# put something of its own there, about one start in a thousand, it cannot begin;
# so without randomisation, where that may be asked for.
if setarch -R true 2> /dev/null; then
  exec setarch -R wine "$@"
fi
exec wine "$@"
