# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells by inotify whether anything has opened a file."""

import ctypes
import os

IN_OPEN = 0x20

_libc = ctypes.CDLL(None, use_errno=True)


class Opens:
    """`with Opens(path) as opens:` `opens.any()` tells whether the file was opened since."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if _libc.inotify_add_watch(self.descriptor, os.fsencode(self.path), IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", self.path)
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)

    def any(self):
        try:
            return bool(os.read(self.descriptor, 4096))
        except BlockingIOError:
            return False
