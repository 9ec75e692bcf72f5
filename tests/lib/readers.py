# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that read images all the time; each image must have the bytes that QEMU read before.

`with Readers({"e1": (path, expected)}) as readers:` `readers.round()` returns once each image that
is still open was read from its beginning to its end after the call. An error or a wrong byte fails.
"""

from lib.asked import Asked

# The kernel's pages are dropped before each round, so that every byte comes from the mount.
PROGRAM = r"""
import mmap, os, select, stat, sys
PIECE = 128 << 10
files = {}
for line in open(sys.argv[1]):
    name, path, expected = line.rstrip("\n").split("\t")
    flags = os.O_RDONLY | (os.O_DIRECT if path.startswith("/dev/") else 0)
    files[name] = (os.open(path, flags), open(expected, "rb").read())
buffer = mmap.mmap(-1, PIECE)

def check(name, file, expected):
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    for at in range(0, len(expected), PIECE):
        n = os.preadv(file, [buffer], at)
        if buffer[:n] != expected[at:at + PIECE]:
            sys.exit(f"{name}: wrong bytes in the piece at {at}")
    if n + at != len(expected):
        sys.exit(f"{name}: {n + at} bytes, not {len(expected)}")
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.lseek(file, 0, os.SEEK_HOLE)

number, told = 0, False
while True:
    for name, (file, expected) in list(files.items()):
        try:
            check(name, file, expected)
        except OSError as error:
            sys.exit(f"{name}: {error} in round {number}")
    number += 1
    if told:
        print(number, flush=True)
        told = False
    if select.select([sys.stdin], [], [], 0)[0]:
        word, _, name = sys.stdin.readline().strip().partition(" ")
        if word == "close":
            os.close(files.pop(name)[0])
            print("closed", flush=True)
        elif word == "round":
            told = True
        else:
            break
"""


class Readers(Asked):
    """`prefix` is a command that runs the reader as another user."""

    def __init__(self, images, plan, prefix=()):
        super().__init__("a reader", PROGRAM, plan, prefix)
        with open(plan, "w", encoding="utf-8") as file:
            for name, (path, expected) in images.items():
                file.write(f"{name}\t{path}\t{expected}\n")

    def round(self):
        self.ask("round")

    def close(self, name):
        self.ask(f"close {name}")
