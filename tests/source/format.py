#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the C as clang-format of Debian 12 writes it? Usage: format.py SOURCE_ROOT; prints TAP."""

import shutil
import subprocess
import sys

import sources

RELEASE = "version 14."  # others put some lines otherwise


def formatted(files):
    """What clang-format says of the lines that it would change."""
    return subprocess.run(
        ["clang-format", "--dry-run", "-Werror", *files], capture_output=True, text=True
    )


def main():
    if not shutil.which("clang-format") or RELEASE not in subprocess.getoutput(
        "clang-format --version"
    ):
        print(f"1..0 # SKIP there is no clang-format of {RELEASE}")
        return
    files = sources.in_c(sys.argv[1])
    done = formatted(files)
    print(f"{'not ' if done.returncode else ''}ok 1 - {len(files)} files are as clang-format -i writes them")
    for line in done.stderr.splitlines():
        print(f"# {line}")
    print("1..1")


if __name__ == "__main__":
    main()
