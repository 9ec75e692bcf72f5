# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs."""

import subprocess

from lib.tap import fail


class Result:
    """How a program ended and what it said."""

    def __init__(self, arguments, status, out, err):
        self.arguments, self.status, self.out, self.err = arguments, status, out, err

    def __str__(self):
        line = " ".join(map(str, self.arguments))
        return f"{line}\nexit status {self.status}\n{self.out[-2000:]}{self.err[-2000:]}"


def attempt(*arguments, text="", seconds=120, **keywords):
    """Runs a program, which reads the text, until it ends, also if it fails."""
    done = subprocess.run(
        [str(one) for one in arguments],
        input=text,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=seconds,
        **keywords,
    )
    return Result(arguments, done.returncode, done.stdout, done.stderr)


def must(*arguments, **keywords):
    """Runs a program that has to succeed; returns what it printed."""
    result = attempt(*arguments, **keywords)
    if result.status != 0:
        fail(str(result))
    return result.out
