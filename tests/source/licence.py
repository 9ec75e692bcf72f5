#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file names the project's licence at its top. Usage: licence.py SOURCE_ROOT LICENCE; prints TAP."""

import re
import sys

import sources

FREE = re.compile(r".*\.md|COPYING|AUTHORS")  # texts that a page shows as they are
TOP = 2  # lines: the first may say which program runs the file


def names_licence(text, licence):
    return any(
        re.search(rf"SPDX-License-Identifier: {re.escape(licence)}( \*/)?$", line)
        for line in text.split("\n")[:TOP]
    )


def main():
    root, licence = sys.argv[1:]
    files = sorted(path for path in sources.every(root) if not FREE.fullmatch(path.name))
    without = [path for path in files if not names_licence(path.read_text(), licence)]
    found = len(files) > 500 and not names_licence("/* SPDX-License-Identifier: MIT */\n", licence)
    print(f"{'not ' if without else ''}ok 1 - each file names {licence}")
    for path in without:
        print(f"# {path} has no line SPDX-License-Identifier: {licence}")
    print(f"{'' if found else 'not '}ok 2 - the files are found, and another licence is told apart")
    print("1..2")


if __name__ == "__main__":
    main()
