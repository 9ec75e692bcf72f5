#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does scripts/commit-msg take the right subjects, and the last commit's? Usage: subjects.py SOURCE_ROOT; prints TAP."""

import os
import subprocess
import sys
import tempfile

import sources

GOOD = (
    "model: keep a file's number over a merge",
    "README, man: name the option `flat`",
    "snapfs(5): say what a tag is\n\nBecause nobody knew.",
    "# a comment of git's\n\nfuse: end",
    "Merge 0123 into 4567",
)
BAD = (
    "Keep a file's number over a merge",
    "model: Keep a file's number",
    "model: keep a file's number.",
    "model keep",
    f"model: keep {'very ' * 13}much",
    "",
)


def accepts(script, message):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(message)
        file.flush()
        return not subprocess.run([script, file.name], capture_output=True).returncode


def main():
    source = sys.argv[1]
    script = os.path.join(source, "scripts/commit-msg")
    message = sources.git(source, "log", "-1", "--format=%B")
    facts = [(f"accepted is {one!r}", accepts(script, one)) for one in GOOD]
    facts += [(f"refused is {one!r}", not accepts(script, one)) for one in BAD]
    facts += [(f"the last commit may be {message.split(chr(10))[0]!r}", accepts(script, message))]
    for number, (what, right) in enumerate(facts, 1):
        print(f"{'' if right else 'not '}ok {number} - {what.replace('#', 'HASH')}")
    print(f"1..{len(facts)}")


if __name__ == "__main__":
    main()
