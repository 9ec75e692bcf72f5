# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU that is not libvirt's."""

import contextlib
import subprocess


@contextlib.contextmanager
def opened(path):
    """Opens an image for writing, as a QEMU of another daemon would; yields a function that runs a command in it."""
    qemu = subprocess.Popen(["qemu-io", "-f", "qcow2", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(command):
        qemu.stdin.write(command.encode() + b"\n")
        qemu.stdin.flush()
        qemu.stdout.readline()

    do("read 0 512")
    try:
        yield do
    finally:
        qemu.stdin.close()
        qemu.wait()
