# SPDX-License-Identifier: GPL-3.0-or-later
"""`unmanaged` of a domain that runs: tags that libvirt does not know, beside those that it does."""

import os
import re

from lib import reading, tagged
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, run, test, true
from lib.wait import until
from lib.watch import clone_on


def unmanaged(domain, mount, *parts):
    return mount.path(domain.name, "unmanaged", *parts)


def fill(path, pattern):
    tagged.fill(path, pattern, 2 * MIB)


@test
def tags_of_a_running_domain(directory):
    with Domain("running", directory) as domain:
        (vda, vdb) = (disk.path for disk in domain.disks)
        expected = {}
        for pattern, (path, name) in enumerate(((vda, "both"), (vdb, "both"), (vda, "alone")), 1):
            fill(path, pattern)
            number = tagged.tag(path, name)
            content = tagged.by_id(path, number, os.path.join(directory, "out"))
            expected[f"{name}/{'vda' if path == vda else 'vdb'}.raw"] = content
        domain.snapshot("known")
        domain.start()
        with Mount(SYSTEM) as mount:
            images = {unmanaged(domain, mount, name): content for name, content in expected.items()}
            for pattern in (0x51, 0x52):
                domain.write(pattern, 2 * MIB)
                tagged.check(images, images)
                equal(sorted(os.listdir(unmanaged(domain, mount))), ["alone", "both"])
            domain.snapshot("of-memory")
            domain.write(0x53, 2 * MIB)
            tagged.check(images, images)
            # The files are below the live disks from now on, and libvirt forgets one of its tags.
            domain.snapshot("outside", "external")
            domain.write(0x54, 2 * MIB)
            lost = os.path.join(directory, "lost")
            reading.by_qemu(domain, "known", "vda", lost)
            domain.delete("known", "--metadata")
            until(lambda: "known" in os.listdir(unmanaged(domain, mount)), "the lost one is shown")
            tagged.check(images, images)
            reading.check(unmanaged(domain, mount, "known/vda.raw"), lost)
            equal(sorted(os.listdir(unmanaged(domain, mount))), ["alone", "both", "known"])


@test
def a_tag_that_the_running_domain_loses(directory):
    with Domain("loses", directory, {"vda": "qcow2"}) as domain:
        path = domain.disks[0].path
        fill(path, 1)
        tagged.tag(path, "tag")
        domain.start()
        with Mount(SYSTEM) as mount:
            image = unmanaged(domain, mount, "tag/vda.raw")
            with open(image, "rb", buffering=0) as file:
                equal(os.pread(file.fileno(), 2, 2 * MIB), b"\1\1")
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                domain.virsh("qemu-monitor-command", domain.name, "--hmp", "delvm tag")
                domain.write(2, 2 * MIB)
                try:
                    true(False, f"read {os.pread(file.fileno(), 2, 2 * MIB)!r}")
                except OSError as error:
                    true("Stale" in str(error), str(error))
            until(lambda: not os.path.exists(image), "it is not shown")
            equal(os.listdir(unmanaged(domain, mount)), [])
            with open(mount.path(domain.name, "log"), encoding="utf-8") as log:
                true(re.search(r"unmanaged/tag/vda.raw: ESTALE", log.read()), "the log names it")


@test
def a_tag_of_another_domains_snapshot(directory):
    with Domain("template", directory, {"vda": "qcow2"}) as template:
        template.write(1)
        template.snapshot("theirs")
        path = template.disks[0].path
        fill(path, 2)
        number = tagged.tag(path, "nobodys")
        with clone_on(template, directory, path, "qcow2") as clone, Mount(SYSTEM) as mount:
            equal(os.listdir(unmanaged(clone, mount)), ["nobodys"])
            equal(os.listdir(unmanaged(template, mount)), ["nobodys"])
            content = tagged.by_id(path, number, os.path.join(directory, "out"))
            for domain in (clone, template):
                image = unmanaged(domain, mount, "nobodys/vda.raw")
                tagged.check([image], {image: content})
            template.delete("theirs", "--metadata")
            both = ["nobodys", "theirs"]
            until(lambda: sorted(os.listdir(unmanaged(clone, mount))) == both, "the lost one")


with scratch() as directory:
    run(directory)
