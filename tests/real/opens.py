# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of other snapshots can be opened at every moment of a delete, a merge and a revert: an open gives the right bytes or waits."""

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys

from lib import reading
from lib.caller import Caller
from lib.command import must
from lib.control import last_log, write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.openers import File, Openers
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.watch import clone_on, revert, rmdir

SIZE = 4 * MIB
PARTITION = MIB
TABLE = f"label: dos\nstart=2048, size={(SIZE - PARTITION) // 512}, type=83\n"
DISKS = ("vda", "vdb")


class Chain:
    """A domain of two disks with four snapshots in a line, and what QEMU reads of each."""

    def __init__(self, directory, name, kinds, start):
        self.directory = os.path.join(directory, name)
        os.mkdir(self.directory)
        self.domain = Domain(name, self.directory, size=SIZE)
        self.kinds, self.start = kinds, start
        self.expected = {}

    def __enter__(self):
        self.domain.__enter__()
        self.partition()
        if self.start:
            self.domain.start()
        for number, (name, kind) in enumerate(self.kinds.items(), 1):
            self.domain.write(number, number % 2 * MIB + MIB)
            self.domain.write(0x80 + number, 3 * MIB)
            self.domain.snapshot(name, kind)
            self.expected[name] = {target: self.by_qemu(name, target) for target in DISKS}
        self.domain.write(0xEE, 3 * MIB)
        every = [one for disks in self.expected.values() for one in disks.values()]
        for number, one in enumerate(every):
            for other in every[number + 1:]:
                true(os.path.basename(one)[:3] != os.path.basename(other)[:3] or not reading.same(one, other), "two do not differ")
        return self

    def __exit__(self, *what):
        self.domain.__exit__(*what)

    def partition(self):
        plain = os.path.join(self.directory, "plain")
        for number, disk in enumerate(self.domain.disks):
            with open(plain, "wb") as file:
                file.truncate(SIZE)
            must("sfdisk", "-q", plain, text=TABLE)
            with open(plain, "r+b") as file:
                file.seek(2 * MIB + MIB // 2)
                file.write(bytes([0x40 + number]) * 4096)
            must("qemu-img", "convert", "-n", "-f", "raw", "-O", disk.format, plain, disk.path)

    def by_qemu(self, name, target):
        path = os.path.join(self.directory, f"{target}-{name}")
        reading.by_qemu(self.domain, name, target, path)
        return path

    def memory(self, name):
        path = os.path.join(self.directory, f"memory-{name}")
        with open(os.path.join(self.directory, f"{self.domain.name}.{name}.memory"), "rb") as file:
            content = file.read()
        with open(path, "wb") as file:
            file.write(content)
        return path, len(content)

    def files(self, mount, *ends):
        """Returns the images of each snapshot, by their paths in by-name/."""
        top = mount.path(self.domain.name, "by-name")
        found = {name: [] for name in self.kinds}
        for name, kind in self.kinds.items():
            for target, expected in self.expected[name].items():
                for end in ends:
                    begin = PARTITION if "part" in end else 0
                    found[name].append(File(f"{top}/{name}/{target}{end}", expected, SIZE - begin, begin))
            if kind == "memory" and ".raw" in ends:
                path, size = self.memory(name)
                found[name].append(File(f"{top}/{name}/memory", path, size))
        return found


def delete(mount, domain, name, words):
    if words:
        write(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")
    else:
        rmdir(mount, domain, name)


ENDS = ".raw", "-part1.raw", ".cow", "-part1.cow"


@contextlib.contextmanager
def opened(chain, *mounts):
    """A process for each mount."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Openers(chain.files(mount, *ENDS), os.path.join(chain.directory, f"plan-{at}")))
            for at, mount in enumerate(mounts)
        ]


def goes_on(directory, name, kinds, steps, start, *others):
    with Chain(directory, name, kinds, start) as chain, contextlib.ExitStack() as stack:
        mount = stack.enter_context(Mount(SYSTEM, f"domain={name}"))
        mounts = [stack.enter_context(Mount(SYSTEM, f"domain={name}", *options)) for options in others]
        left = dict(kinds)
        with opened(chain, mount, *mounts) as openers:
            for verb, one, words in steps:
                if verb is delete:
                    for each in openers:
                        each.may_go(one)
                    del left[one]
                verb(mount, chain.domain, one, f"{words} force".strip() if verb is delete else words)
                for each in openers:
                    each.round()
                for other in left:
                    for target in DISKS:
                        reading.check(mount.path(name, "by-name", other, f"{target}.raw"), chain.expected[other][target])
        equal(chain.domain.snapshots(), sorted(left))


EXTERNAL = dict.fromkeys(("e1", "e2", "e3", "e4"), "external")
MIXED = {"i1": "internal", "e1": "external", "i2": "internal", "e2": "external"}
MEMORY = {"m1": "memory", "e1": "external", "i1": "internal", "e2": "external"}
EXTERNAL_STEPS = [(delete, "e1", "merge"), (revert, "e3", "force"), (delete, "e2", "merge"), (delete, "e4", "")]
MIXED_STEPS = [(delete, "i1", "merge"), (revert, "e2", "force"), (delete, "e1", "merge")]
MEMORY_STEPS = [(delete, "m1", "merge"), (revert, "i1", "force"), (delete, "e2", ""), (delete, "e1", "merge")]


@test
def external_running(directory):
    goes_on(directory, "on", EXTERNAL, EXTERNAL_STEPS, True, ("flat",))


@test
def mixed_shut_off(directory):
    goes_on(directory, "off", MIXED, MIXED_STEPS, False, ("ro", "cache=0"))


@test
def memory_and_mixed_running(directory):
    goes_on(directory, "mem", MEMORY, MEMORY_STEPS, True)


OPEN = """
import os, sys
print(flush=True)
for path in sys.argv[1:]:
    image = os.open(path, os.O_RDWR if path.endswith(".cow") else os.O_RDONLY)
    print((os.pread(image, 1, 65 << 20) or [0])[0], os.fstat(image).st_size, flush=True)
"""


class Opener:
    """Opens files one after the other, and tells a byte and the size of each."""

    def __init__(self, *paths):
        self.process = subprocess.Popen([sys.executable, "-c", OPEN, *paths], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stdout.readline()

    def waits(self):
        return not select.select([self.process.stdout], [], [], 0.3)[0]

    def end(self):
        out, errors = self.process.communicate(timeout=30)
        return out.splitlines() or errors


def qemu(domain):
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as pid:
        return int(pid.read())


@contextlib.contextmanager
def in_merge(mount, domain, name):
    """Stops QEMU in the middle of a merge, for the block; yields the delete with the merge."""
    file = domain.snapshot_source(name, "vda")[0]
    before = os.stat(file).st_mtime_ns
    caller = Caller("write", mount.path(domain.name, "by-name", name, "delete"), "merge\n")
    while caller.running() and os.stat(file).st_mtime_ns == before:
        pass
    pid = qemu(domain)
    os.kill(pid, signal.SIGSTOP)
    try:
        true(caller.running(), "the merge has ended before")
        yield caller
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def large(directory, name):
    """Three external snapshots: from 64 MiB on, each one's number is in the next one's bytes."""
    with Domain(name, directory, {"vda": "qcow2"}, 512 * MIB) as domain:
        plain = os.path.join(directory, "plain")
        with open(plain, "wb") as file:
            file.truncate(512 * MIB)
        must("sfdisk", "-q", plain, text="label: gpt\nstart=2048, size=2048, type=L\nstart=4096, size=1000000, type=L\n")
        must("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", plain, domain.disks[0].path)
        os.unlink(plain)
        domain.start()
        for number in range(1, 4):
            domain.snapshot(f"e{number}", "external")
            domain.write(number, 64 * MIB, 96 * MIB)
        yield domain


WHOLE, PART = f"1 {512 * MIB}", f"1 {1000000 * 512}"


@test
def a_new_name_after_a_delete_is_no_changed_path(directory):
    """A path that a link has given may have changed; a name that no listing gave is not there."""
    with Domain("renewed", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        for number, name in enumerate(("s1", "s2", "s3"), 1):
            domain.write(number, number * MIB)
            domain.snapshot(name, "external")
        write(mount.path("renewed/by-name/s2/delete"), "merge\n")
        os.mkdir(mount.path("renewed/current/s4"))
        write(mount.path("renewed/by-name/s1/delete"), "merge\n")
        write(mount.path("renewed/by-name/s3/delete"), "children\n")
        refused(errno.ENOENT, os.stat, mount.path("renewed/snapshots/s1"))
        os.mkdir(mount.path("renewed/snapshots/s1"))
        equal(domain.snapshots(), ["s1"])


@test
def an_open_that_waits_for_a_merge(directory):
    """It can be interrupted and killed, keeps nobody else waiting, and gives the right bytes in the end."""
    # libvirt may not answer while QEMU is stopped, so it is asked before.
    with large(directory, "waits") as domain, Mount(SYSTEM, "cache=600") as mount, Mount(SYSTEM, "flat", "cache=600") as other:
        def image(file, name="e2", at=mount):
            return at.path("waits/by-name", name, file)
        for name in ("e1", "e2"):
            for at in (mount, other):
                os.stat(image("vda.raw", name, at))
        with in_merge(mount, domain, "e1") as caller:
            waits = [Opener(image(file)) for file in ("vda.raw", "vda.raw", "vda.raw", "vda-part2.raw")]
            waits += [Opener(image("vda.cow")), Opener(image("vda-part2.cow"))]
            waits += [Opener(image("vda.raw", at=other)), Opener(image("vda-part2.raw", at=other))]
            deleted = Opener(image("vda.raw", "e1"))
            true(all([one.waits() for one in (*waits, deleted)]), "an open does not wait")
            waits[0].process.send_signal(signal.SIGINT)
            holds(waits[0].end(), "KeyboardInterrupt")
            waits[1].process.kill()
            waits[1].end()
            waits[2].process.send_signal(signal.SIGURG)
            true(waits[2].waits(), "a signal that ends nothing ends an open")
            equal(os.stat(image("vda.raw")).st_size, 512 * MIB, "the size meanwhile")
            true(os.statvfs(mount.point).f_blocks > 0, "blocks")
        equal([one.end() for one in waits[2:]], [[WHOLE], [PART], [WHOLE], [PART], [WHOLE], [PART]])
        equal(caller.outcome(), "ok")
        true(any(word in deleted.end() for word in ("Stale", "No such file")), "the deleted one")
        true("EBUSY" not in mount.said() and "cannot be read" not in mount.said(), mount.said())


@test
def an_open_that_waits_for_a_merge_that_fails(directory):
    """QEMU dies in the middle of it."""
    with large(directory, "fails") as domain, Mount(SYSTEM, "domain=fails") as mount:
        files = [mount.path("fails/by-name/e2", file) for file in ("vda.raw", "vda-part2.raw", "vda.cow")]
        with in_merge(mount, domain, "e1") as caller:
            waits = [Opener(file) for file in files]
            true(all([one.waits() for one in waits]), "an open does not wait")
            os.kill(qemu(domain), signal.SIGKILL)
            equal([one.end() for one in waits], [[WHOLE], [PART], [WHOLE]])
            holds(caller.outcome(), "ok")
            holds(last_log(mount, domain), "is not merged")


@test
def of_a_domain_on_another_domains_file(directory):
    """Tags of that domain are deleted, which writes to the file."""
    with Domain("base", directory, {"vda": "qcow2"}, SIZE) as domain, Mount(SYSTEM, f"allow={directory}") as mount:
        for number in (1, 2, 3):
            domain.write(number, number * MIB)
            domain.snapshot(f"i{number}")
        below = os.path.join(directory, "below")
        os.mkdir(below)
        with clone_on(domain, below, domain.disks[0].path, "qcow2") as clone:
            clone.snapshot("e1", "external")
            expected = os.path.join(directory, "base-expected")
            reading.by_qemu(clone, "e1", "vda", expected)
            files = {"e1": [File(mount.path(clone.name, f"by-name/e1/vda{end}"), expected, SIZE) for end in (".raw", ".cow")]}
            with Openers(files, os.path.join(directory, "plan")) as openers, Mount(SYSTEM, "domain=base") as other:
                for through, name, words in ((mount, "i1", "merge"), (other, "i2", "merge"), (mount, "i3", "")):
                    delete(through, domain, name, words)
                    openers.round()


@test
def of_a_domain_with_a_disk_on_its_own_snapshot(directory):
    """snapfs never looks at a path of its own mount: that look would open the image, which looks, and so on."""
    with Domain("selfish", directory, {"vda": "qcow2"}, SIZE) as domain, Mount(SYSTEM, "cache=0") as mount:
        for number in (1, 2):
            domain.write(number, number * MIB)
            domain.snapshot(f"s{number}", "external")
        for target, file in ("vdb", "s1/vda.raw"), ("vdc", "s2/vda.cow"):
            domain.virsh("attach-disk", domain.name, mount.path("selfish/by-name", file), target, "--subdriver", "raw", "--config")
        found = [Opener(mount.path("selfish/by-name", name, "vda.raw")).end() for name in ("s1", "s2")]
        equal(found, [[f"0 {SIZE}"]] * 2, "a byte and the size of each")


with scratch() as directory:
    run(directory)
