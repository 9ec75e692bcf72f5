# SPDX-License-Identifier: GPL-3.0-or-later
"""The file `create` on libvirt's test driver: names, words, and what mkdir does by an option."""

import errno
import os
import subprocess

from lib import preset
from lib.command import attempt
from lib.control import write
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

CREATE = "web01/create"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def last_log(mount):
    return read(mount.path("web01/log")).splitlines()[-1]


def current(mount):
    return os.readlink(mount.path("web01/current"))


@test
def a_name_alone_makes_the_default(mount):
    write(mount.path(CREATE), "one\n")
    equal(current(mount), "snapshots/base/one")
    holds(last_log(mount), "create web01/create: ok")


@test
def a_name_is_coded_as_for_mkdir(mount):
    write(mount.path(CREATE), "%72evert\n")
    holds(read(mount.path("web01/current/snapshot.xml")), "<name>revert</name>")
    refused(errno.EINVAL, write, mount.path(CREATE), "%61bc\n")
    refused(errno.EINVAL, write, mount.path(CREATE), "revert\n")


@test
def words_reach_libvirt(mount):
    write(mount.path(CREATE), '"in-quotes" description="say \\"<hi>\\"" halt\n')
    equal(read(mount.path("web01/current/description")), 'say "<hi>"\n')
    equal(os.path.basename(current(mount)), "in-quotes")
    equal(read(mount.path("web01/state")), "shut off\n")


@test
def a_write_is_refused_before_anything_happens(mount):
    before = current(mount)
    for text in ("", "\n", "x sideways", "x disk-only internal", "a,b", "x\0", "x " * 2049):
        refused(errno.EINVAL, write, mount.path(CREATE), text or " ")
    refused(errno.EEXIST, write, mount.path(CREATE), "base")
    equal(current(mount), before)


DOCUMENT = """<?xml version="1.0"?>
<!-- </domainsnapshot> -->
<domainsnapshot>
  <name>{}</name>
  <description><![CDATA[</domainsnapshot>
]]></description>
</domainsnapshot>
"""


def write_in_pieces(path, text, size):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for start in range(0, len(text), size):
            os.write(descriptor, text[start : start + size].encode())
    finally:
        os.close(descriptor)


@test
def a_document_comes_in_any_pieces(mount):
    for size in (1, 7, 100, 5000):
        name = f"document-{size}"
        write_in_pieces(mount.path(CREATE), DOCUMENT.format(name), size)
        equal(os.path.basename(current(mount)), name)
        equal(read(mount.path("web01/current/description")).strip(), "</domainsnapshot>")


@test
def two_documents_by_one_descriptor(mount):
    descriptor = os.open(mount.path(CREATE), os.O_WRONLY)
    for name in ("first", "second"):
        os.write(descriptor, DOCUMENT.format(name).encode())
    os.close(descriptor)
    equal(current(mount)[-13:], "/first/second")


@test
def a_document_may_have_no_name(mount):
    write(mount.path(CREATE), "<domainsnapshot/>")
    true(os.path.basename(current(mount)).isdigit(), "a time for a name")


@test
def a_document_that_is_not_whole_does_nothing_and_is_logged(mount):
    before = current(mount)
    refused(errno.EINVAL, write, mount.path(CREATE), DOCUMENT[: len(DOCUMENT) // 2])
    until(lambda: "closed before" in last_log(mount), "the close is logged")
    holds(last_log(mount), f"pid={os.getpid()} create web01/create: EINVAL")
    equal(current(mount), before)


@test
def who_closes_last_is_told_that_a_document_is_not_whole(mount):
    """No other close fails: a shell goes on to write after its children have ended. Debian's sh has the file open
    itself while a child runs, so this test does not use it."""
    before, half = current(mount), len(DOCUMENT) // 2
    parts = [os.path.join(directory, f"part-{number}") for number in (1, 2)]
    with open(parts[0], "w", encoding="utf-8") as file:
        file.write(DOCUMENT[:half])
    for command in ("cat part-1 > create", "/bin/echo redefine > create", "/bin/echo document disk-only > create"):
        result = attempt("bash", "-ec", command.replace("part-1", parts[0]).replace("create", mount.path(CREATE)))
        true(result.status != 0, f"{command} has ended with 0")
        holds(result.err, "Invalid argument")
    equal(current(mount), before)
    for number, command in enumerate(("(cat part-1; cat part-2) > create", "exec 3>create; cat part-1 >&3; cat part-2 >&3; exec 3>&-",
                                      "(/bin/echo document atomic; cat part-1 part-2) > create")):
        for part, text in zip(parts, (DOCUMENT.format(f"parts-{number}")[:half], DOCUMENT.format(f"parts-{number}")[half:])):
            with open(part, "w", encoding="utf-8") as file:
                file.write(text)
        words = command.replace("create", mount.path(CREATE)).replace("part-1", parts[0]).replace("part-2", parts[1])
        result = attempt("bash" if number else "sh", "-ec", words)
        equal((result.status, result.err), (0, ""), command)
        equal(os.path.basename(current(mount)), f"parts-{number}")


@test
def a_document_that_is_wrong_is_refused(mount):
    before = current(mount)
    for text in (
        "<domain><name>x</name></domainsnapshot>",
        "<a/>",
        DOCUMENT.replace("<name>", "<nam>"),
        DOCUMENT.replace("<!--", "<!DOCTYPE x []>\n<!--"),
        DOCUMENT.format("a,b"),
        DOCUMENT.format("x\0"),
        DOCUMENT.format("x").replace("</domainsnapshot>\n", "<disks><disk/></disks></domainsnapshot>"),
    ):
        refused(errno.EINVAL, write, mount.path(CREATE), text)
    refused(errno.EEXIST, write, mount.path(CREATE), DOCUMENT.format("base"))
    equal(current(mount), before)


@test
def a_document_has_a_megabyte(mount):
    before = current(mount)
    long = DOCUMENT.replace("<![CDATA[", "<![CDATA[" + "x" * (1 << 20)).format("long")
    refused(errno.EINVAL, write_in_pieces, mount.path(CREATE), long, 100000)
    holds(last_log(mount), "1048576")
    equal(current(mount), before)
    long = DOCUMENT.replace("<![CDATA[", "<![CDATA[" + "x" * 1000000).format("long")
    write_in_pieces(mount.path(CREATE), long, 100000)
    equal(os.path.basename(current(mount)), "long")


@test
def redefine_is_held_until_its_document_comes(mount):
    text = read(mount.path("web01/snapshots/base/snapshot.xml"))
    new = text.replace("</name>", "</name>\n  <description>put back</description>", 1)
    before = current(mount)
    shell("echo redefine > create", mount)
    until(lambda: "closed before" in last_log(mount), "the close is logged")
    with open(os.path.join(directory, "base.xml"), "w", encoding="utf-8") as file:
        file.write(new)
    shell(f"(echo redefine; cat {file.name}) > create", mount)
    equal(read(mount.path("web01/snapshots/base/description")), "put back\n")
    equal(current(mount), before, "the current one")
    refused(errno.EINVAL, write, mount.path(CREATE), "current redefine\n")
    shell(f"(echo redefine current; cat {file.name}) > create", mount)
    equal(current(mount), "snapshots/base")
    refused(errno.EINVAL, write, mount.path(CREATE), f"redefine now\n{new}")
    refused(errno.EINVAL, write, mount.path(CREATE), "redefine\n<domainsnapshot/>")


@test
def a_line_of_words_is_held_until_its_document_comes(mount):
    before = current(mount)
    for line in ("document", "document disk-only atomic"):
        shell(f"echo {line} > create", mount)
        until(lambda: "closed before" in last_log(mount), "the close is logged")
    for words in ("sideways", "internal", "memspec=/m", "diskspec=vda", "description=x", "document"):
        refused(errno.EINVAL, write, mount.path(CREATE), f"document {words}\n{DOCUMENT.format('no')}")
    equal(current(mount), before)
    write_in_pieces(mount.path(CREATE), "document atomic\n" + DOCUMENT.format("with-words"), 9)
    equal(os.path.basename(current(mount)), "with-words")


@test
def what_can_begin_no_document_is_refused_at_once(mount):
    """By the write: a shell does not look at the result of its close."""
    other = "<!-- <a> --><domain><name>x</name></domain >\n"
    for text in ("document sideways\n", "document internal\n", "\n document halt memspec=/m\n", "redefine now\n",
                 other, f"document atomic\n{other}", '"document" disk-only\n', '"redefine"\n'):
        descriptor = os.open(mount.path(CREATE), os.O_WRONLY)
        refused(errno.EINVAL, os.write, descriptor, text.encode())
        os.close(descriptor)


@test
def a_line_without_a_name_is_refused_at_once(mount):
    for line in ("\n", "disk-only\n", "disk-only halt\n", "halt document\n", "atomic redefine\n"):
        refused(errno.EINVAL, write, mount.path(CREATE), line)


def shell(command, mount):
    """Runs a shell's line in the domain's directory, as a user would type it."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=mount.path("web01"), capture_output=True, text=True
    )
    equal((done.returncode, done.stderr), (0, ""), command)


@test
def it_reads_as_empty(mount):
    equal(read(mount.path(CREATE)), "")
    equal(os.stat(mount.path(CREATE)).st_mode & 0o777, 0o600)


@test
def mkdir_takes_the_words_of_the_mount(mount):
    with Mount(mount.uri, "create=description=as the mount says:internal") as other:
        os.mkdir(other.path("web01/snapshots/base/x"))
        equal(read(other.path("web01/current/description")), "as the mount says\n")
        write(other.path(CREATE), "y")
        true(not read(other.path("web01/current/description")), "the words of mkdir were taken")
    with Mount(mount.uri, "ro") as other:
        refused(errno.EROFS, write, other.path(CREATE), "z")


with scratch() as directory:
    web = Domain("web01", Snapshot("base", current=True), directory=directory)
    web.create_images()
    with Mount(preset.write(os.path.join(directory, "node.xml"), web)) as mount:
        run(mount)
