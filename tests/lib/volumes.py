# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage pools of libvirt, and domains whose disks are volumes of one."""

import contextlib
import os

from lib.command import must
from lib.domain import SYSTEM, Domain


@contextlib.contextmanager
def pool(directory, name="pool"):
    """A pool of the files in a directory, as they are when it begins."""
    must("virsh", "-q", "-c", SYSTEM, "pool-create-as", name, "dir", "--target", directory)
    try:
        yield
    finally:
        must("virsh", "-q", "-c", SYSTEM, "pool-destroy", name)


def refresh(name="pool"):
    must("virsh", "-q", "-c", SYSTEM, "pool-refresh", name)


class OnVolumes(Domain):
    """A domain whose disks are volumes of the pool `pool`."""

    def document(self):
        text = super().document().replace("<disk type='file'", "<disk type='volume'")
        for disk in self.disks:
            source = f"<source pool='pool' volume='{os.path.basename(disk.path)}'/>"
            text = text.replace(f"<source file='{disk.path}'/>", source)
        return text
