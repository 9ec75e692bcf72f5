"""Disks in formats that QEMU reads for us, below and between those that are read here."""

import os

from lib import reading
from lib.children import children, servers
from lib.command import must
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, run, test, true
from lib.wait import until


def take(domain, number, name):
    domain.write(0x10 + number, number * MIB)
    domain.write(0x80 + number, MIB)
    domain.snapshot(name, "external")


@test
def snapshots_of_a_vmdk_and_a_vdi_disk(directory):
    with Domain("foreign", directory, {"vda": "vmdk", "vdb": "vdi"}) as domain:
        domain.start()
        for number, name in enumerate(("e1", "e2", "e3"), 1):
            take(domain, number, name)
        equal(domain.snapshot_source("e1", "vda")[1], "vmdk", "the first one's format")
        with Mount(SYSTEM) as mount:
            must("find", mount.point, "-printf", "%p %s %b\n")
            image = mount.path("foreign/snapshots/e1/vda.raw")
            equal(os.stat(image).st_size, domain.size)
            equal(children(mount.process.pid), [], "processes for a listing")
            reading.compare(domain, mount, directory)
            with open(image, "rb"):
                true(servers(mount.process.pid), "an image that is open has no process")
            until(lambda: not servers(mount.process.pid), "the end of the last process")


with scratch() as place:
    run(place)
