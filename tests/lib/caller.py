# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that makes one system call in the tree, and can get signals meanwhile."""

import errno
import signal
import subprocess
import sys

SECONDS = 60
# It handles the signals, so that none ends it, and says what the call gave. A lasting descriptor
# is no second call, since a close does nothing.
PROGRAM = """
import ctypes, errno, os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGURG):
    signal.signal(number, lambda *_: None)
call, path, text = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
if call == "write":
    descriptor = os.open(path, os.O_WRONLY)
    print("begun", flush=True)
    result = libc.write(descriptor, text.encode(), len(text))
else:
    print("begun", flush=True)
    result = libc.mkdir(path.encode(), 0o755)
print(0 if result >= 0 else ctypes.get_errno(), flush=True)
"""


class Caller:
    """`Caller("write", PATH, TEXT)` or `Caller("mkdir", PATH)`, under way."""

    def __init__(self, call, path, text=""):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, call, path, text], stdout=subprocess.PIPE, text=True
        )
        self.process.stdout.readline()

    def signal(self, name):
        self.process.send_signal(getattr(signal, name))

    def running(self):
        return self.process.poll() is None

    def outcome(self):
        """The errno's name, or "ok"."""
        number = int(self.process.communicate(timeout=SECONDS)[0])
        return errno.errorcode[number] if number else "ok"
