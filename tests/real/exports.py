# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree exported by NFS-Ganesha and by Samba, as snapfs(1) says it, to clients without a kernel.

Runs in a network namespace of its own.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys

from lib import reading
from lib.command import attempt, must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import SNAPFS, mount_line
from lib.scratch import scratch
from lib.tap import Failure, equal, holds, note, run, test, true
from lib.wait import until

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../docs"))
import page  # noqa: E402

MANUAL = os.path.join(os.path.dirname(__file__), "../../man/snapfs.1")
POINT = "/mnt/vms"
DROP = "/proc/sys/vm/drop_caches"
# Files that change, or cannot be read here.
LIVELY = ("create", "revert", "delete", "log", "job")
SIZE = 64 * MIB
GANESHA = """NFS_CORE_PARAM {{ Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; {1} }}
NFSV4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = {0}; }}
"""
SAMBA = """[global]
    private dir = {0}
    state directory = {0}
    cache directory = {0}
    lock directory = {0}
    pid directory = {0}
    ncalrpc dir = {0}/ncalrpc
    log file = {0}/log
    disable netbios = yes
    load printers = no
    passdb backend = tdbsam
"""


def recipe(name):
    with open(MANUAL, encoding="utf-8") as file:
        return page.recipes(file.read())[name]


def mount():
    """Runs the recipe, which begins with the present mount."""
    must("bash", "-euc", recipe("export"))


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait()


def without_privilege():
    """What a later Ganesha has to be told where it may not raise its priority in memory."""
    [version] = re.findall(r"V(\d+)", must("ganesha.nfsd", "-v"))
    return "allow_set_io_flusher_fail = true;" if int(version) > 4 else ""


@contextlib.contextmanager
def ganesha(directory):
    recovery, configuration = f"{directory}/recovery", f"{directory}/ganesha.conf"
    for path in (recovery, "/run/ganesha"):
        os.makedirs(path, exist_ok=True)
    with open(configuration, "w", encoding="ascii") as file:
        file.write(GANESHA.format(recovery, without_privilege()) + recipe("nfs"))
    log = f"{directory}/ganesha.log"
    process = subprocess.Popen(
        ["ganesha.nfsd", "-F", "-f", configuration, "-L", log, "-p", f"{directory}/ganesha.pid", "-N", "EVENT"]
    )
    try:
        until(lambda: attempt("nfs-ls", address("")).status == 0, "Ganesha answers", seconds=30)
        yield
    except Failure:
        note(attempt("tail", "-n", "20", log).out + str(attempt("nfs-ls", address(""))))
        raise
    finally:
        end(process)


def address(path):
    return f"nfs://127.0.0.1/vms/{path}?version=4"


def fetch(path, to):
    """Reads a file by NFS; returns the client's messages, none if it succeeds."""
    with open(to, "wb") as file:
        done = subprocess.run(["nfs-cat", address(path)], stdout=file, stderr=subprocess.PIPE, text=True)
    return f"{done.returncode}: {done.stderr}" if done.returncode else ""


def whole_or_nothing(name, expected, directory):
    """A client that opens it now gets all of its bytes, or an error for a while."""
    said = fetch(f"web01/by-name/{name}/vda.raw", f"{directory}/copy")
    true(said or reading.same(f"{directory}/copy", expected), f"{name} has other bytes")
    true(not said or "STALE" in said or "NOENT" in said, said)
    return not said


def fetch_all(guest, directory):
    """Checks that the images of all snapshots have QEMU's bytes, perhaps after some attempts."""
    for name, expected in guest.expected.items():
        until(lambda: whole_or_nothing(name, expected, directory), f"{name} is read", seconds=30)


def files():
    """Every file that the tree lists, by its path in it."""
    for directory, _, names in os.walk(POINT):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                yield os.path.relpath(path, POINT)


def drop_caches():
    with open(DROP, "w", encoding="ascii") as file:
        print(2, file=file)


@test
def all_of_the_tree_is_read_by_nfs(guest, directory):
    with ganesha(directory):
        read = 0
        for path in files():
            if os.path.basename(path) not in LIVELY:
                equal(fetch(path, f"{directory}/copy"), "", path)
                true(reading.same(f"{directory}/copy", f"{POINT}/{path}"), path)
                read += 1
        note(f"{read} files read")
        true(read > 10, f"only {read} files could be read")
        fetch_all(guest, directory)


class Client:
    """Reads an image by NFS, and stops when its output is no longer read."""

    def __init__(self, name):
        self.name = name
        self.process = subprocess.Popen(
            ["nfs-cat", address(f"web01/by-name/{name}/vda.raw")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.begin = self.process.stdout.read(MIB)

    def rest(self, expected, may_fail):
        """Checks that all bytes are right, and that none is missing unless the read may fail."""
        rest, said = self.process.communicate(timeout=120)
        got = self.begin + rest
        with open(expected, "rb") as file:
            whole = file.read()
        true(got == whole[: len(got)], f"{self.name}: the client got bytes of another file")
        if not may_fail:
            equal((len(got), self.process.returncode), (len(whole), 0), f"{self.name}: {said}")
        return len(got) == len(whole)


@test
def a_handle_works_after_a_drop_of_caches(guest, directory):
    with ganesha(directory):
        for _ in range(5):
            clients = [Client(name) for name in guest.expected]
            drop_caches()
            list(files())
            drop_caches()
            whole = [client.rest(guest.expected[client.name], True) for client in clients]
            note(f"read to the end: {whole}")
            fetch_all(guest, directory)


@test
def no_handle_opens_another_file_after_a_remount(guest, directory):
    with ganesha(directory):
        clients = [Client(name) for name in guest.expected]
        true(attempt("umount", POINT).status, "the mount is not busy")
    mount()
    list(files())
    with ganesha(directory):
        whole = [client.rest(guest.expected[client.name], True) for client in clients]
        note(f"read to the end: {whole}")
        fetch_all(guest, directory)


def number():
    """Returns the inode number of the image in the mount, or None while it has no such file."""
    with contextlib.suppress(OSError):
        return os.stat(f"{POINT}/web01/by-name/later/vda.raw").st_ino
    return None


@test
def a_snapshot_made_again_under_its_name_is_another_file(guest, directory):
    old, new = guest.expected["later"], f"{directory}/expected-new"
    before = number()
    with ganesha(directory):
        client = Client("later")
        guest.virsh("snapshot-delete", "web01", "later", "--metadata")
        guest.write(0x44, 32 * MIB)
        guest.snapshot("later", "external", "--diskspec", f"vda,file={directory}/web01-vda.again")
        reading.by_qemu(guest, "later", "vda", new)
        true(not reading.same(old, new), "the snapshots do not differ")
        until(lambda: number() not in (None, before), "the listing is new")
        note(f"read to the end: {client.rest(old, True)}")
        until(lambda: whole_or_nothing("later", new, directory), "the new snapshot is read", seconds=30)
    guest.expected["later"] = new


@contextlib.contextmanager
def samba(directory):
    place = f"{directory}/samba"
    os.makedirs(f"{place}/ncalrpc")
    configuration = f"{place}/smb.conf"
    with open(configuration, "w", encoding="ascii") as file:
        file.write(SAMBA.format(place) + recipe("samba"))
    must("pdbedit", "-s", configuration, "-a", "-t", "-u", "backup", text="x\nx\n")
    process = subprocess.Popen(["smbd", "-F", "--no-process-group", "-s", configuration], start_new_session=True)
    ask = "smbclient", "-s", configuration, "-U", "backup%x", "//127.0.0.1/vms"
    try:
        until(lambda: attempt(*ask, "-c", "ls").status == 0, "Samba answers", seconds=30)
        yield ask
    finally:
        end(process)


@test
def all_of_the_tree_is_read_by_samba(guest, directory):
    with samba(directory) as ask:
        back = f"{directory}/from-samba"
        os.mkdir(back)
        must(*ask, "-c", f"prompt OFF; recurse ON; lcd {back}; cd web01/snapshots; mget *")
        found = 0
        for name, expected in guest.expected.items():
            for copy in must("find", back, "-path", f"*/{name}/vda.raw").split():
                true(reading.same(copy, expected), f"{copy} has other bytes")
                found += 1
        true(found >= len(guest.expected), f"{found} images came")
        said = must(*ask, "-c", "cd web01; du")
        holds(said, "blocks of size")
        true("dfree is broken" not in said, said)
        holds(attempt(*ask, "-c", "mkdir web01/snapshots/new").out, "NT_STATUS_")
        equal(sorted(guest.snapshots()), sorted(guest.expected))


def main():
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(scratch())
        must("ip", "link", "set", "lo", "up")
        programs = os.path.join(directory, "bin")
        os.mkdir(programs)
        os.symlink(SNAPFS, os.path.join(programs, "snapfs"))
        os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
        must("mount", "-t", "tmpfs", "tmpfs", "/mnt")
        os.mkdir(POINT)
        must("snapfs", SYSTEM, POINT)
        stack.callback(lambda: mount_line(POINT) and must("umount", POINT))
        with Domain("web01", directory, {"vda": "qcow2"}, SIZE) as guest:
            guest.start()
            guest.expected = {}
            for number, name in enumerate(("base", "updates", "later"), 1):
                for offset in range(0, SIZE, 8 * MIB):
                    guest.write(number, offset)
                write(f"{POINT}/web01/create", f"{name} disk-only\n")
                guest.expected[name] = f"{directory}/expected-{name}"
                reading.by_qemu(guest, name, "vda", guest.expected[name])
            true(not reading.same(*list(guest.expected.values())[:2]), "the snapshots do not differ")
            mount()
            run(guest, directory)


main()
