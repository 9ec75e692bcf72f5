"""What a delete finds out before it touches anything: what it could not finish it does not begin."""

import errno
import os

from lib.control import last_log, write as command
from lib.held import tidy
from lib.line import line, write
from lib.scratch import scratch
from lib.tap import equal, holds, run, test
from lib.watch import Watch

ONE, TWO = {"vda": "qcow2"}, {"vda": "qcow2", "vdb": "qcow2"}


def delete(mount, domain, name, words="merge"):
    command(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")


def refuses(mount, domain, number, name, words, *said):
    """The delete fails with that errno, says why, and nothing has changed."""
    watch = Watch(domain, mount)
    try:
        delete(mount, domain, name, words)
        failure = 0
    except OSError as error:
        failure = error.errno
    watch.unchanged()
    for part in said:
        holds(last_log(mount, domain), part)
    equal(failure, number, "errno")


def deletes(mount, domain, held, name, words="merge"):
    delete(mount, domain, name, words)
    held.bytes.pop(name)
    equal(sorted(held.bytes), domain.snapshots(), "snapshots")
    held.check()
    held.check_mount()
    return last_log(mount, domain)


# ---- checkpoints ----


def checkpoint(domain, directory):
    path = os.path.join(directory, f"{domain.name}.checkpoint")
    disks = "".join(f"<disk name='{one.target}' checkpoint='bitmap'/>" for one in domain.disks)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"<domaincheckpoint><name>c</name><disks>{disks}</disks></domaincheckpoint>")
    domain.virsh("checkpoint-create", domain.name, path)


@test
def beside_checkpoints_nothing_is_begun_that_libvirt_would_not_finish(directory):
    with line("bitmaps", directory, "e", "e", "e", "e", disks=TWO) as (domain, mount, held):
        checkpoint(domain, directory)
        domain.destroy()
        if domain.libvirt() < (11, 3):
            refuses(mount, domain, errno.EOPNOTSUPP, "e2", "merge", "1 checkpoint", "start the domain")
            refuses(mount, domain, errno.EOPNOTSUPP, "e1", "metadata", "virsh checkpoint-delete")
        else:
            deletes(mount, domain, held, "e2")
        deletes(mount, domain, held, "e4")
        domain.start()
        deletes(mount, domain, held, "e1")
        tidy(domain)
        domain.virsh("checkpoint-delete", domain.name, "c")


# ---- what libvirt says failed, and did ----


@test
def one_with_a_disk_that_was_detached_since_is_gone_and_said_to_be(directory):
    with line("detached", directory, "e", "e", disks=TWO, start=False) as (domain, mount, held):
        domain.virsh("detach-disk", domain.name, "vdb", "--config")
        domain.disks.pop()
        write(domain, 3)
        held.snapshot("e3", "external")
        write(domain, 0x13)
        held.bytes.pop("e2")
        before = held.live()
        held.bytes = {name: {"vda": one["vda"]} for name, one in held.bytes.items()}
        delete(mount, domain, "e2")
        equal(held.live(), before, "the live disk")
        said = last_log(mount, domain)
        holds(said, "/delete: ok")
        if domain.libvirt() < (9, 1):
            holds(said, "the snapshot is gone, though libvirt answered")
        equal(domain.parents(), {"e1": None, "e3": "e1"})
        held.check()


with scratch() as directory:
    run(directory)
