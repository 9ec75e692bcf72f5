# SPDX-License-Identifier: GPL-3.0-or-later
# What the scripts share; to be sourced.
# shellcheck shell=bash

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
    printf '%s: %s\n' "${0##*/}" "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# packages RELEASE PURPOSE…: the names of those that are needed.
packages() {
    local release=$1 purpose
    shift
    for purpose; do
        sed -nE "s/^$purpose(@$release)? +//p" "$SOURCE/scripts/packages"
    done | xargs
}

# The number of the Debian release, where it is one of those that are known.
release() {
    local ID='' VERSION_ID=''
    # shellcheck disable=SC1091
    . /etc/os-release
    [ "$ID" = debian ] && { [ "$VERSION_ID" = 12 ] || [ "$VERSION_ID" = 13 ]; } && echo "$VERSION_ID"
}

# Installs what is missing of the packages for each PURPOSE named.
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

# In a mount namespace of one's own: lets go of the copies of snapfs mounts in it, which would keep
# a mount alive that is unmounted outside.
drop_snapfs_copies() {
    local target
    while read -r target; do
        umount -l "$(printf '%b' "$target")"
    done < <(findmnt -rno TARGET -t fuse.snapfs)
}
