# SPDX-License-Identifier: GPL-3.0-or-later
"""An NBD server: a qemu-nbd that shows a raw file on a socket of its own."""

import os
import subprocess

from lib.wait import until


class Server:
    """`with Server(RAW, SOCKET) as server:` shows it as the export `disk`, also to be written."""

    def __init__(self, path, socket):
        self.path, self.socket = path, socket
        self.uri = f"nbd+unix:///disk?socket={socket}"

    def __enter__(self):
        self.process = subprocess.Popen(
            ["qemu-nbd", "--persistent", "--shared=20", "-f", "raw", "-x", "disk", "-k", self.socket, self.path])
        try:
            until(lambda: os.path.exists(self.socket), "its socket", seconds=30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)
