# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that is saved to a file slowly.

A slow program replaces the helper that libvirt has between QEMU and the file. The program is slow as long as
a certain file exists and QEMU has not closed the pipe.
"""

import contextlib
import os
import shutil

from lib.command import must
from lib.domain import Domain

HELPER = "/usr/lib/libvirt/libvirt_iohelper"
REAL, SLOW, MARK = "/run/iohelper", "/run/iohelper-slow", "/run/saves-are-slow"
PIECE, PIECE_MS = 4096, 20
PROGRAM = f"""#!/usr/bin/python3
import os, select, sys
if sys.argv[2] == "0":
    os.execv("{REAL}", sys.argv)
hang_up = select.poll()
hang_up.register(0, 0)
while True:
    slow = os.path.exists("{MARK}") and not hang_up.poll({PIECE_MS})
    piece = os.read(0, {PIECE} if slow else {PIECE} * 64)
    if not piece:
        break
    os.write(1, piece)
"""
# Empty pages take 9 bytes each; there are more of them than fit into QEMU's pipe.
MEMORY_MIB = 1024


@contextlib.contextmanager
def slow_saves():
    """Makes saves take some ten seconds; the function that it returns lets them go on at full speed."""
    shutil.copy(HELPER, REAL)
    with open(SLOW, "w", encoding="ascii") as program:
        program.write(PROGRAM)
    os.chmod(SLOW, 0o755)
    must("mount", "--bind", SLOW, HELPER)

    def hurry():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(MARK)

    try:
        with open(MARK, "w", encoding="ascii"):
            yield hurry
    finally:
        hurry()
        must("umount", HELPER)
        os.unlink(REAL)
        os.unlink(SLOW)


def big_domain(name, directory, memory=MEMORY_MIB):
    return Domain(name, directory, {"vda": "qcow2"}, memory=memory)
