# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that make backups, each in a line as its users write it.

In a line, $source is the directory to back up, $place a directory of the program's own, and $day a word
for this run.
"""

import os

from lib.command import attempt, must

TOOLS = {
    "rsync": 'rsync -aS --delete "$source/" "$place/rsync-$day"',
    "tar": 'tar -C "$source" -cSf "$place/tar" .',
    "cp": 'cp -a "$source" "$place/cp-$day"',
    "restic": 'restic -q backup "$source"',
    "borg": 'borg create "::$day" "$source"',
}
# Few machines have these programs.
RARE = {
    "bup": 'bup index "$source" && bup save -q -n vms "$source"',
    "duplicity": 'duplicity full --no-encryption "$source" "file://$place/duplicity"',
    "rclone": 'rclone copy -q --links "$source" "$place/rclone-$day"',
    "casync": 'cd "$place" && casync make "$day.caidx" "$source"',
    "rdiff-backup": 'rdiff-backup backup "$source" "$place/rdiff"',
    "dar": 'dar -q -c "$place/dar-$day" -R "$source" </dev/null',
    "zip": 'cd "$source" && zip -qry "$place/$day.zip" .',
    "7zip": '$(command -v 7zz || echo 7z) a -snl "$place/$day.7z" "$source"',
    "bsdtar": 'bsdtar -C "$source" -cf "$place/bsdtar" .',
    "cpio": 'cd "$source" && find . | cpio -o --quiet >"$place/cpio"',
    "pax": 'cd "$source" && pax -w . >"$place/pax"',
    "mksquashfs": 'mksquashfs "$source" "$place/$day.squashfs" -quiet -no-progress',
}
PREPARE = {"restic": "restic -q init", "borg": "borg init -e none", "bup": "bup init"}


def environment(place):
    """Returns the environment of programs that keep everything in that directory."""
    return dict(
        os.environ, place=place, HOME=place, XDG_CACHE_HOME=f"{place}/cache",
        RESTIC_REPOSITORY=f"{place}/restic", RESTIC_PASSWORD="x",
        BORG_REPO=f"{place}/borg", BORG_BASE_DIR=place, BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes",
        BUP_DIR=f"{place}/bup",
    )


def prepare(names, place):
    """Makes the directory, and the repositories of those programs that need one."""
    os.makedirs(place)
    for name in names:
        if name in PREPARE:
            must("sh", "-c", PREPARE[name], env=environment(place))


def back_up(name, source, place, day):
    """Runs the program of that name to its end."""
    line = TOOLS.get(name) or RARE[name]
    return attempt("bash", "-c", line, env=dict(environment(place), source=source, day=day))
