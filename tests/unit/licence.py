#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file names the project's licence at its top. Usage: licence.py SOURCE_ROOT LICENCE; prints TAP."""

import os
import pathlib
import re
import sys

FREE = re.compile(r".*\.md|COPYING|AUTHORS")  # texts that a page shows as they are
LEFTOVERS = re.compile(r".*(~|\.pyc|\.sw.|\.orig|\.rej)")
TOP = 2  # lines: the first may say which program runs the file


def ours(root):
    """The project's files, without what git or a build made."""
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name not in (".git", "build", "__pycache__")
            and not os.path.exists(os.path.join(folder, name, "meson-private"))
        ]
        for name in names:
            if name != ".git" and not LEFTOVERS.fullmatch(name):
                yield pathlib.Path(folder, name)


def names_licence(text, licence):
    return any(
        re.search(rf"SPDX-License-Identifier: {re.escape(licence)}( \*/)?$", line)
        for line in text.split("\n")[:TOP]
    )


def main():
    root, licence = pathlib.Path(sys.argv[1]), sys.argv[2]
    files = sorted(path for path in ours(root) if not FREE.fullmatch(path.name))
    without = [path for path in files if not names_licence(path.read_text(), licence)]
    found = len(files) > 500 and not names_licence("/* SPDX-License-Identifier: MIT */\n", licence)
    print(f"{'not ' if without else ''}ok 1 - each file names {licence}")
    for path in without:
        print(f"# {path.relative_to(root)} has no line SPDX-License-Identifier: {licence}")
    print(f"{'' if found else 'not '}ok 2 - the files are found, and another licence is told apart")
    print("1..2")
    return 1 if without or not found else 0


if __name__ == "__main__":
    sys.exit(main())
