# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary user who may use the system's libvirt, as a member of the group that its socket belongs to:
the images that file modes allow, and the changes whose whole effect that user can see. Nothing is left
half done. Root and the user share one lock, and know of each other's unfinished journals."""

import errno
import fcntl
import functools
import os
import shutil
import stat
import threading

from lib import reading
from lib.command import attempt, must
from lib.control import job
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import JOURNALS, journals
from lib.held import Held
from lib.member import Member, equals, files, let_all_read
from lib.mount import Mount
from lib.people import GROUP, GROUP_ID, UID, libvirt_group, user
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true
from lib.wait import until

RUN = "/run/snapfs"
UNFINISHED = "/var/lib/libvirt/snapfs"
CUT_OFF = 12  # a moment of a delete after the merge has begun
REMEDY = "-o allow_other,gid=libvirt"


def in_scratch(function):
    """Gives the test a directory of its own, because files in it may be part of the file graph."""

    @functools.wraps(function)
    def with_scratch(be):
        with scratch() as directory:
            function(be, directory)

    return with_scratch


def untouched(domain, before):
    equal((files(domain), domain.parents(), domain.current()), before, "files, snapshots, current")


def state(domain):
    return files(domain), domain.parents(), domain.current()


def differ(domain, number):
    """Writes new bytes, other ones on every disk."""
    for index, disk in enumerate(domain.disks):
        domain.write(10 * number + index, number * MIB, targets=[disk.target])


@test
@in_scratch
def reads_what_file_modes_allow(be, directory):
    with Domain("read", directory) as domain:
        for number, (name, kind) in enumerate((("one", "internal"), ("two", "external")), 1):
            domain.write(number)
            domain.snapshot(name, kind)
        domain.write(3)
        with Member(be, f"domain={domain.name}") as member:
            one = open(equals(member, domain, "one", "vda", directory), "rb").read()
            two = open(equals(member, domain, "two", "vda", directory), "rb").read()
            true(one != two, "the snapshots do not differ")
            os.chmod(domain.disks[0].path, 0o600)
            for name in ("one", "two"):
                top = member.path(domain.name, "by-name", name)
                equal(member.read(domain.name, "by-name", name, "info").count(REMEDY), 1, f"remedies in info of {name}")
                holds(must(*be, "ls", top), "vda.raw", "vdb.raw")
                member.fails(errno.EACCES, "cat", f"{top}/vda.raw")
                equals(member, domain, name, "vdb", directory)
            holds(member.mount.said(), REMEDY)
        os.chmod(domain.disks[0].path, 0o644)


@test
@in_scratch
def a_mount_by_root_lets_the_group_read(be, directory):
    with Domain("remedy", directory) as domain:
        domain.write(1)
        domain.snapshot("one")
        for disk in domain.disks:
            os.chmod(disk.path, 0o600)
        with user(UID + 1) as (stranger, _):
            with Mount(SYSTEM, "allow_other", f"gid={GROUP}", "fmask=037", f"domain={domain.name}") as mount:
                image = mount.path(domain.name, "snapshots/one/vda.raw")
                must(*be, "cmp", "-n", "4096", image, image)
                equal(attempt(*stranger, "cat", image).status, 1, "what a stranger gets")
                equal(attempt(*be, "bash", "-c", f"echo x > {mount.path(domain.name, 'create')}").status, 1, "a change")
            equal(domain.snapshots(), ["one"], "snapshots")


@test
@in_scratch
def makes_and_removes_internal_snapshots_though_root_never_ran_snapfs(be, directory):
    shutil.rmtree(RUN, ignore_errors=True)
    with Domain("round", directory) as domain, Member(be, f"domain={domain.name}") as member:
        for run_it in (False, True):
            if run_it:
                domain.start("--paused")
            before = state(domain)
            domain.write(1 + run_it)
            member.does("mkdir", member.path(domain.name, "snapshots/one"))
            equal(domain.current(), "one", "current")
            domain.write(3)
            member.does("mkdir", member.path(domain.name, "snapshots/one/two"))
            if not run_it:
                equals(member, domain, "one", "vda", directory)
            member.write(None, member.path(domain.name, "by-name/one/revert"), "paused" if run_it else "")
            equal(domain.current(), "one", "current")
            member.does("rmdir", member.path(domain.name, "snapshots/one/two"))
            member.does("rmdir", member.path(domain.name, "snapshots/one"))
            untouched(domain, before)
        made = os.stat(RUN)
        equal((made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)), (0, GROUP_ID, 0o770), f"who may enter {RUN}")


@test
@in_scratch
def external_snapshots_are_not_made(be, directory):
    disks = {"vda": "raw"}
    with Domain("ext", directory) as domain, Domain("raw", directory, disks) as raw, Member(be) as member:
        for start in (False, True):
            if start:
                domain.start()
                raw.start()
            for one, words in ((domain, "new disk-only"), (domain, "new external"), (raw, "new")):
                before = state(one)
                member.write(errno.EACCES, member.path(one.name, "create"), words)
                member.says(one, "use a mount by root")
                untouched(one, before)
        member.fails(errno.EACCES, "mkdir", member.path("raw/snapshots/new"))
        equal(raw.snapshots(), [], "snapshots")


@test
@in_scratch
def a_file_that_may_not_be_looked_at_is_named(be, directory):
    with Domain("known", directory) as domain, Domain("hidden", directory) as other, Member(be) as member:
        domain.write(1)
        domain.snapshot("one")
        domain.write(2)
        top = member.path("known/snapshots/one")
        stray = os.path.join(directory, "stray.qcow2")
        must("qemu-img", "create", "-q", "-f", "qcow2", stray, "1M")
        for path, alone in ((other.disks[0].path, False), (domain.disks[1].path, True), (stray, False)):
            os.chmod(path, 0o600)
            before = state(domain)
            member.fails(errno.EACCES, "mkdir", f"{top}/two")
            member.says(domain, path, "use a mount by root")
            member.fails(errno.EACCES, "rmdir", top)
            member.says(domain, path)
            member.write(errno.EACCES, f"{top}/revert", "")
            if not alone:
                member.says(domain, path)
            untouched(domain, before)
            os.chmod(path, 0o644)
        # A disk in a directory that only root may enter.
        closed = os.path.join(directory, "closed")
        os.mkdir(closed, 0o700)
        with Domain("away", closed) as away:
            member.fails(errno.EACCES, "mkdir", f"{top}/two")
            member.says(domain, away.disks[0].path)
        # A raw disk has nothing below it: it need not be read.
        with Domain("device", directory, {"vda": "raw"}) as raw:
            os.chmod(raw.disks[0].path, 0o600)
            member.does("mkdir", f"{top}/two")
            member.does("rmdir", f"{top}/two")
            member.does("rmdir", top)
        equal(domain.snapshots(), [], "snapshots")


@test
@in_scratch
def files_are_removed_in_directories_that_the_user_may_write_to(be, directory):
    place = directory
    with Domain("chain", place) as domain, Member(be, f"domain={domain.name}") as member:
        held = Held(domain)
        for number, name in enumerate(("s1", "s2", "s3"), 1):
            differ(domain, number)
            held.snapshot(name, "external")
        domain.write(9)
        let_all_read(domain)
        before = state(domain)
        snapshots = member.path("chain/by-name")
        for command, named in (
            ((f"{snapshots}/s1/delete", "merge"), f"'{place}'"),
            ((f"{snapshots}/s3/delete", ""), f"'{place}'"),
            ((f"{snapshots}/s2/revert", ""), f"'{place}'"),
        ):
            member.write(errno.EACCES, *command)
            member.says(domain, named)
            untouched(domain, before)
        held.check()
        os.chmod(place, 0o1777)  # sticky: the files stay root's
        member.write(errno.EACCES, f"{snapshots}/s3/delete", "")
        untouched(domain, before)
        os.chmod(place, 0o755)
        os.chown(place, UID, -1)
        member.write(errno.EACCES, f"{snapshots}/s2/revert", "")
        member.says(domain, "libvirt would make the new files")
        untouched(domain, before)
        # The daemon takes these files away while the domain runs for the merge, and gives them back.
        give(domain, UID, 0o600)
        member.write(errno.EACCES, f"{snapshots}/s1/delete", "merge")
        untouched(domain, before)
        equal((domain.state(), os.listdir(UNFINISHED)), ("shut off", []), "state and journals")
        held.check()
        give(domain, 0, 0o644)
        member.write(None, f"{snapshots}/s1/delete", "merge")
        held.bytes.pop("s1")
        held.check()
        member.write(None, f"{snapshots}/s3/delete", "")
        held.bytes.pop("s3")
        held.check()
        equal(os.listdir(UNFINISHED), [], "journals")


def give(domain, owner, mode, group=-1):
    for name in files(domain):
        os.chown(os.path.join(domain.directory, name), owner, group)
        os.chmod(os.path.join(domain.directory, name), mode)


@test
@in_scratch
def a_revert_on_a_copy_is_made_by_the_owner_of_the_file(be, directory):
    """A copy gets the owner of the original, which is not the user's to give."""
    os.chown(directory, UID, -1)
    with Domain("copied", directory, {"vda": "qcow2"}) as domain, Member(be, f"domain={domain.name}") as member:
        held = Held(domain)
        domain.write(1)
        held.snapshot("one", "internal")
        domain.write(2)
        held.snapshot("two", "external")
        domain.write(3)
        give(domain, 0, 0o644)
        before = state(domain)
        one = member.path("copied/by-name/one/revert")
        member.write(errno.EACCES, one, "")
        member.says(domain, domain.disks[0].path)
        untouched(domain, before)
        give(domain, UID, 0o644)
        member.write(errno.EACCES, one, "")  # their group is root's still
        give(domain, UID, 0o644, GROUP_ID)
        member.write(None, one, "")
        equal(domain.current(), "one", "current")
        held.check()
        held.is_live("one")


@test
@in_scratch
def one_lock_for_root_and_a_member(be, directory):
    with Domain("lock", directory) as domain:
        with Member(be, f"domain={domain.name}") as member, Mount(SYSTEM, "cache=0", f"domain={domain.name}") as root:
            member.does("mkdir", member.path("lock/snapshots/first"))
            waits_for_the_lock(domain, "members", lambda: member.does("mkdir", member.path("lock/current/members")),
                               lambda: member.read("lock/job"))
            waits_for_the_lock(domain, "roots", lambda: os.mkdir(root.path("lock/current/roots")),
                               lambda: str(job(root, domain)))
            equal(domain.parents(), {"first": None, "members": "first", "roots": "members"}, "parents")
            with user(UID + 1) as (stranger, _):
                equal(attempt(*stranger, "flock", "-n", lock_of(domain), "true").status, 66, "a stranger's lock")


def lock_of(domain):
    return f"{RUN}/{domain.uuid}.lock"


def waits_for_the_lock(domain, new, make, job_of):
    """While someone else has the domain's lock, nothing is done."""
    before = domain.snapshots()
    with open(lock_of(domain), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=make)
        thread.start()
        until(lambda: "waiting for another" in job_of(), "it waits")
        equal(domain.snapshots(), before, "snapshots")
    thread.join()
    equal(domain.snapshots(), sorted([*before, new]), "snapshots")


@test
@in_scratch
def both_at_once(be, directory):
    """Each gets the true result: a snapshot that neither made is not there."""
    with Domain("race", directory) as domain:
        with Member(be, f"domain={domain.name}") as member, Mount(SYSTEM, "cache=0", f"domain={domain.name}") as root:
            here = {"members": 0, "roots": 0}

            def does(prefix, command):
                result = attempt(*prefix, "bash", "-c", command)
                words = [os.strerror(no) for no in (errno.EBUSY, errno.ENOTEMPTY)]
                true(result.status == 0 or any(word in result.err for word in words), str(result))
                return result.status == 0

            def rounds(who, prefix, mount):
                for number in range(4):
                    name = f"{who}{number}"
                    if does(prefix, f"echo {name} > {mount.path('race/create')}"):
                        here[who] += 1
                        here[who] -= does(prefix, f"echo > {mount.path('race/by-name', name, 'delete')}")

            threads = [threading.Thread(target=rounds, args=one) for one in (("members", be, member), ("roots", (), root))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal(len(domain.snapshots()), sum(here.values()), f"snapshots, by what each was told: {here}")
            equal(journals(), [], "journals")
            equal(os.listdir(UNFINISHED), [], "what is told of others")


def cut_off(domain, be):
    """Runs a delete through a mount of that user, None for root, whose snapfs dies in the middle."""
    moments = os.path.join(domain.directory, f"{domain.name}.moments")
    owner = UID if be else 0
    with open(moments, "w", encoding="ascii") as file:
        os.fchown(file.fileno(), owner, -1)
    environment = {"LD_PRELOAD": os.environ["KILL_AT_SO"], "KILL_AT": str(CUT_OFF), "KILL_LOG": moments}
    mount = Mount(SYSTEM, "cache=0", f"domain={domain.name}", prefix=be or (), owner=owner, environment={
        **environment, "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"})
    mount.__enter__()
    try:
        path = mount.path(domain.name, "by-name/s1/delete")
        attempt(*(be or ()), "sh", "-c", f"echo merge > {path}")
        equal(mount.process.wait(60), -9, "how snapfs ended")
    finally:
        mount.clean()


def barred(domain, be, journal, owner, **environment):
    """Checks that the user, None for root, changes nothing and that the log names the journal."""
    before = state(domain)
    options = {"prefix": be or (), "owner": UID if be else None, "environment": environment}
    with Mount(SYSTEM, "cache=0", f"domain={domain.name}", **options) as mount:
        for command in (f"mkdir {mount.path(domain.name, 'current/new')}",
                        f"echo > {mount.path(domain.name, 'by-name/s2/revert')}",
                        f"echo new > {mount.path(domain.name, 'create')}"):
            result = attempt(*(be or ()), "bash", "-c", command)
            true(result.status != 0, f"{command} succeeded")
            holds(result.err, os.strerror(errno.EBUSY))
            said = must(*(be or ()), "tail", "-n", "1", mount.path(domain.name, "log"))
            holds(said, journal, f"id {owner}")
    untouched(domain, before)


def finished(domain, be, held):
    """The owner's next mount finishes or undoes it; then everybody may change the domain again."""
    with Mount(SYSTEM, "cache=0", f"domain={domain.name}", prefix=be or (), owner=UID if be else None):
        until(lambda: not [one for one in os.listdir(UNFINISHED) if domain.uuid in one], "the journal ends", 60)
    if "s1" not in domain.snapshots():
        held.bytes.pop("s1", None)
    held.check()


@test
@in_scratch
def an_unfinished_journal_bars_the_other(be, directory):
    home = os.path.join(dict(one.split("=") for one in be if "=" in one)["HOME"], ".local/state/snapfs")
    for owner, other, place_of_journal, uid in ((None, be, JOURNALS, 0), (be, None, home, UID)):
        with scratch() as place, Domain(f"cut{uid}", place) as domain:
            os.chown(place, UID, -1)
            held = Held(domain)
            for number, name in enumerate(("s1", "s2"), 1):
                differ(domain, number)
                held.snapshot(name, "external")
            domain.write(9)
            let_all_read(domain)
            cut_off(domain, owner)
            equal(os.listdir(UNFINISHED), [f"{domain.uuid}.{uid}"], "what everybody is told")
            barred(domain, other, f"{place_of_journal}/{domain.uuid}", uid)
            if not owner:  # nor may root with a state directory of its own
                barred(domain, None, f"{place_of_journal}/{domain.uuid}", uid, STATE_DIRECTORY=place)
            finished(domain, owner, held)
            with Mount(SYSTEM, "cache=0", prefix=other or (), owner=UID if other else None) as mount:
                must(*(other or ()), "mkdir", mount.path(domain.name, "current/new"))


with libvirt_group() as group, user(groups=(group,)) as (be, _):
    run(be)
