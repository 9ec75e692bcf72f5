# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory for a test's files, which others may enter."""

import contextlib
import os
import tempfile

from lib.command import must


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="snapfs-test-") as directory:
        os.chmod(directory, 0o755)
        try:
            yield directory
        finally:
            unmount_below(directory)


def unmount_below(directory):
    """Unmounts everything below the directory, so that its removal enters no mount."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        points = [line.split()[4] for line in mounts]
    for point in reversed(points):
        if point.startswith(directory + "/"):
            must("umount", "-l", point)
