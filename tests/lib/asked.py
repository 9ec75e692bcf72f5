# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python program in a process of its own, which answers each line with a line until it meets a failure."""

import subprocess
import sys

from lib.tap import fail


class Asked:
    """`what` is the program's name in a failure; `user` is a command that runs it as another user."""

    def __init__(self, what, program, plan, user=()):
        self.what = what
        python = "/usr/bin/python3" if user else sys.executable
        self.command = [*user, python, "-c", program, plan]

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.round()
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
        _, errors = self.process.communicate("end\n" if not kind else None)
        if not kind and self.process.returncode:
            fail(f"{self.what} has met: {errors}")

    def ask(self, words):
        """The answer."""
        try:
            self.process.stdin.write(f"{words}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            fail(f"{self.what} has met: {self.process.stderr.read()}")
        return answer

    def round(self):
        raise NotImplementedError
