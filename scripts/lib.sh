# SPDX-License-Identifier: GPL-3.0-or-later
# Functions that the scripts share. Source this file.
# shellcheck shell=bash

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
    printf '%s: %s\n' "${0##*/}" "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# packages RELEASE PURPOSE…: prints the names of the packages that are needed.
packages() {
    local release=$1 purpose
    shift
    for purpose; do
        sed -nE "s/^$purpose(@$release)? +//p" "$SOURCE/scripts/packages"
    done | xargs
}

# Prints the number of the Debian release, if it is a known one; else fails.
release() {
    local ID='' VERSION_ID=''
    # shellcheck disable=SC1091
    . /etc/os-release
    [ "$ID" = debian ] && { [ "$VERSION_ID" = 12 ] || [ "$VERSION_ID" = 13 ]; } && echo "$VERSION_ID"
}

# Installs the missing packages for each named PURPOSE.
need_packages() {
    local release wanted missing=()
    release=$(release) ||
        die "this is not Debian 12 or 13. Install what Debian 13 calls: $(packages 13 "$@")"
    wanted=$(packages "$release" "$@")
    [ "$(id -u)" = 0 ] || die "must be run as root"
    local name
    for name in $wanted; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q ' installed$' || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 --no-install-recommends \
        install "${missing[@]}" >/dev/null
}

# Unmounts the copies of snapfs mounts in this mount namespace, which must be a new one. Such a copy
# would keep a mount alive after it is unmounted outside.
drop_snapfs_copies() {
    local target
    while read -r target; do
        umount -l "$(printf '%b' "$target")"
    done < <(findmnt -rno TARGET -t fuse.snapfs)
}
