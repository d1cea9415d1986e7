#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# get_abseil.sh DIR: unpacks Abseil's source, release 20240722 or newer, to DIR.
#
# The source is Debian's own source package of the next release, fetched by apt
# from the mirror that this machine is already set up to use, with apt's check
# of the archive's signature. Nothing of the machine's apt set-up is changed and
# no privilege is needed: apt gets its lists and its cache in a folder of ours.
set -eu

suite=trixie
package=abseil
dir=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"  # apt drops to a user of its own when run as root
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/source"

# "URI keyring" of the first mirror that serves Debian proper.
list_mirrors() {
  apt-get indextargets --format \
    '$(LABEL)|$(COMPONENT)|$(REPO_URI)|$(SIGNED_BY)' 'Created-By: Packages'
}
mirror=$(list_mirrors | awk -F'|' '$1 == "Debian" && $2 == "main" {print $3; exit}')
if [ -z "$mirror" ]; then
  echo "get_abseil.sh: apt knows no Debian mirror: run 'apt-get update', or set" \
    "PLACID_ABSEIL_SOURCE_DIR to a source tree of Abseil 20240722 or newer" >&2
  exit 1
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

echo "deb-src [signed-by=$keyring] $mirror $suite main" > "$work/sources.list"
own_apt() {
  apt-get -q \
    -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" \
    -o APT::Sandbox::User="$(id -un)" "$@"
}
own_apt update
(cd "$work/source" && own_apt --only-source --download-only source "$package")

rm -rf "$dir.part"
mkdir -p "$dir.part"
tar -xf "$work"/source/${package}_*.orig.tar.* -C "$dir.part" --strip-components=1
rm -rf "$dir"
mv "$dir.part" "$dir"
