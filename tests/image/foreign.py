# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats that QEMU reads for snapfs: the same bytes, and processes that start and end as they should."""

import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import time

from disks import CAT, KI, MI, cat, compare, create, expected, first_difference, io, load, parse_map, seeded
from lib.children import children, servers
from lib.command import attempt, must
from lib.nbd import Server
from lib.opens import Opens
from lib.scratch import scratch
from lib.tap import equal, fail, holds, run, test, true
from lib.wait import until
from lib.web import Server as WebServer

SIZE = 12 * MI
SECRET = "a passphrase"
CRYPTO_HEADER = bytes.fromhex("0537be77 00000010")
FORMATS = {
    "vmdk": {}, "vdi": {}, "vhdx": {}, "qcow": {}, "qed": {}, "parallels": {},
    "vmdk-stream": {"subformat": "streamOptimized"},
    "vhdx-fixed": {"subformat": "fixed"},
    "vpc": {"force_size": "on"}, "vpc-fixed": {"subformat": "fixed", "force_size": "on"},
}
WORDS = {"vhd": "vhdx", "ploop": "parallels", "vpc": "vpc"}  # libvirt's, and QEMU's
PROCESSES = 8  # at once
GONE_SECONDS = 60  # until it is clear that a server is


def make(directory, name, options, rng, size=SIZE):
    """Makes an image of random pieces from a raw one, which stays beside it; returns its path and format."""
    format = name.split("-")[0]
    path = os.path.join(directory, f"{name}-{rng.randrange(1 << 30)}")
    with open(path + ".raw", "wb") as file:
        file.truncate(size)
        for _ in range(8):
            file.seek(rng.randrange(size - 300 * KI) // 512 * 512)
            file.write(rng.randbytes(rng.randrange(1, 300 * KI)))
    extra = ",".join(f"{key}={value}" for key, value in options.items())
    must("qemu-img", "convert", "-f", "raw", "-O", format, *(["-o", extra] if extra else []),
         path + ".raw", path)
    return path, format


class Holder:
    """Images kept open in a process of their own, by (path, format)."""

    def __init__(self, *images):
        self.process = subprocess.Popen(
            [os.environ["SNAPFS_HOLDER"], *(f"{format}:{path}" for path, format in images)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def read(self, path, at=0, image=0):
        """Reads a few bytes, and compares them with the raw file beside the image."""
        with open(path + ".raw", "rb") as file:
            file.seek(at)
            bytes = file.read(1000)
        equal(self.ask("read", image, at, 1000), f"bytes {bytes[0]} {bytes[-1]}", f"{path} at {at}")

    def servers(self):
        return servers(self.process.pid)


def refused(path, format, word, *options):
    result = attempt(CAT, "-f", format, *options, path)
    equal((result.status, result.out), (1, ""), f"{format} {path}")
    holds(result.err, word, "sentence")
    equal(result.err.count("\n"), 1, "lines")


@test
def every_format_reads_as_qemu_reads_it(directory, rng):
    before = None
    for name, options in FORMATS.items():
        path, format = make(directory, name, options, rng)
        now = load(expected(path, format))
        true(now == load(path + ".raw") and now != before, f"{name} does not differ from the last")
        equal(first_difference(cat(path, format=format), now), None, name)
        before = now
        holds(must(CAT, "-f", format, "--info", path), f"({format}, {SIZE} bytes)", "info")
        ours = parse_map(must(CAT, "-f", format, "--map", path))
        theirs = parse_map(must("qemu-img", "map", "-f", format, "--output=json", path))
        equal(zeros_of(ours), zeros_of(theirs), f"map of {path}")


def zeros_of(extents):
    """The map tells the zeros; only QEMU knows the places of the rest in the file."""
    merged = []
    for start, length, _, _, zero, *_ in extents:
        if merged and merged[-1][2] == zero:
            merged[-1][1] += length
        else:
            merged.append([start, length, zero])
    return merged


class Encrypted:
    """An image that QEMU opens with the passphrase SECRET only."""

    def __init__(self, path, format="luks", below=""):
        self.path, self.format, self.below = path, format, below
        self.secret = os.path.join(os.path.dirname(path), "secret")
        self.hand = ["--object", f"secret,id=key,file={self.secret}"]
        self.key = "encrypt." if format == "qcow2" else ""

    def create(self):
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write(SECRET)
        options = f"{self.key}key-secret=key,{self.key}iter-time=10"
        options += ",encrypt.format=luks" if self.key else ""
        # QEMU measures how fast it is, and cannot always.
        until(lambda: attempt("qemu-img", "create", "-q", *self.hand, "-f", self.format, "-o", options,
                              self.path, SIZE).status == 0, "an encrypted image", seconds=60)
        return self

    def behead(self, path):
        """The file at `path` becomes a LUKS image with the header in this qcow2, because QEMU takes seconds
        to make one."""
        bytes = load(self.path)
        at = bytes.index(CRYPTO_HEADER) + 8
        offset, length = struct.unpack(">QQ", bytes[at : at + 16])
        with open(path, "wb") as file:
            file.write(bytes[offset : offset + length])
            (payload,) = struct.unpack(">I", bytes[offset + 104 : offset + 108])
            file.truncate(payload * 512 + SIZE)
        return Encrypted(path)

    def options(self):
        return ["--image-opts", f"driver={self.format},file.filename={self.path},{self.key}key-secret=key{self.below}"]

    def write(self, rng):
        commands = []
        for at in range(0, SIZE, 3 * MI):
            place = at + rng.randrange(2 * MI) // 512 * 512
            commands += ["-c", f"write -P {rng.randrange(1, 256)} {place} 70k"]
        must("qemu-io", *self.hand, *self.options(), *commands)

    def bytes(self):
        raw = self.path + ".raw"
        must("qemu-img", "convert", *self.hand, *self.options(), "-O", "raw", raw)
        return load(raw)


@test
def encrypted_images_are_read_with_their_passphrase(directory, rng):
    base = Encrypted(os.path.join(directory, "base"), "qcow2").create()
    luks = base.behead(os.path.join(directory, "luks"))
    luks.write(rng)
    over = Encrypted(os.path.join(directory, "over"), "qcow2", ",backing.encrypt.key-secret=key")
    shutil.copyfile(base.path, over.path)
    must("qemu-img", "rebase", "-u", *base.hand, "-b", base.path, "-F", "qcow2", "--image-opts",
         f"driver=qcow2,file.filename={over.path},encrypt.key-secret=key")
    base.write(rng)
    over.write(rng)
    mixed = Encrypted(create(os.path.join(directory, "mixed"), SIZE, backing=(luks.path, "luks")), "qcow2")
    mixed.key, mixed.below = "backing.", ""
    mixed.write(rng)
    before = None
    for image in (luks, base, over, mixed):
        wanted = image.bytes()
        true(wanted != before, f"{image.path} does not differ from the last")
        before = wanted
        ours = cat(image.path, "--secret", luks.secret, format=image.format)
        equal(first_difference(ours, wanted), None, image.path)
        refused(image.path, image.format, "--secret")
    extents = json.loads(must(CAT, "-f", "qcow2", "--secret", luks.secret, "--map", over.path))
    equal({one["depth"] for one in extents if one["data"]}, {0, 1}, "layers with data")
    must("qemu-img", "snapshot", *base.hand, "-c", "s1", *base.options())
    refused(base.path, "qcow2", "internal snapshots", "--secret", luks.secret, "-s", "s1")
    check_passphrases(luks, over)
    check_holes(base)


def check_holes(base):
    """For a large disk with little data, snapfs asks QEMU a GiB at a time."""
    large = Encrypted(base.path + ".large", "qcow2")
    shutil.copyfile(base.path, large.path)
    must("qemu-img", "resize", "-q", *large.hand, *large.options(), "20G")
    must("qemu-io", *large.hand, *large.options(), "-c", "write -P 5 7G 64k")
    extents = parse_map(must(CAT, "-f", "qcow2", "--secret", base.secret, "--map", large.path))
    theirs = parse_map(must("qemu-img", "map", "--output=json", *large.hand, *large.options()))
    equal(zeros_of(extents), zeros_of(theirs), "zeros")
    true(len(theirs) > 2 and len(extents) < 64, f"{len(extents)} extents")
    must(CAT, "-f", "qcow2", "--secret", base.secret, "--output", large.path + ".copy", large.path)
    true(os.stat(large.path + ".copy").st_blocks * 512 < 2 * SIZE, "the copy has no holes")


def check_passphrases(luks, over):
    done = subprocess.run(f"cat {luks.secret} | {CAT} -f luks --secret /dev/stdin {luks.path}", shell=True,
                          capture_output=True)
    equal((done.returncode, first_difference(done.stdout, luks.bytes())), (0, None), "by a pipe")
    wrong = luks.secret + ".wrong"
    with open(wrong, "w", encoding="utf-8") as file:
        file.write(SECRET + "!")
    refused(luks.path, "luks", "as luks: Invalid password", "--secret", wrong)
    refused(over.path, "qcow2", "as qcow2: Invalid password", "--secret", wrong)
    refused(luks.path, "luks", "No such file", "--secret", "/no/such/file")
    refused(luks.path, "luks", "no passphrase", "--secret", "/dev/null")


@test
def disks_of_an_nbd_server_are_read(directory, rng):
    path, _ = make(directory, "vmdk", {}, rng)
    raw = path + ".raw"
    with Server(raw, os.path.join(directory, "nbd")) as server:
        equal(first_difference(cat(server.uri, format="raw"), load(raw)), None, "the disk")
        holds(must(CAT, "-f", "raw", "--info", server.uri), f"{server.uri} (raw, {SIZE} bytes)", "info")
        overlay = create(os.path.join(directory, "remote"), SIZE + MI, backing=(server.uri, "raw"))
        io(overlay, ["write -P 7 100k 300k", "write -z 4M 1M", "write -P 8 12M 64k"])
        compare(overlay, rng)
        refused(server.uri, "qcow2", "is not raw")
        refused(server.uri.replace("disk", "none"), "raw", "as raw: Requested export not available")
    refused(overlay, "qcow2", f"QEMU cannot open '{server.uri}'")


@test
def disks_of_a_web_server_are_read(directory, rng):
    path, _ = make(directory, "vmdk", {}, rng)
    with WebServer(path + ".raw") as server:
        wanted = load(path + ".raw")
        by_qemu = os.path.join(directory, "web")
        true(convert(server.uri, "raw", by_qemu) == wanted != bytes(SIZE), "what QEMU reads")
        equal(first_difference(cat(server.uri, format="raw"), wanted), None, "the disk")
        holds(must(CAT, "-f", "raw", "--info", server.uri), f"{server.uri} (raw, {SIZE} bytes)", "info")
        overlay = create(os.path.join(directory, "remote"), SIZE + MI, backing=(server.uri, "raw"))
        io(overlay, ["write -P 7 100k 300k", "write -z 4M 1M", "write -P 8 12M 64k"])
        wanted = convert(overlay, "qcow2", by_qemu)
        equal(first_difference(cat(overlay), wanted), None, "an overlay")
        must(CAT, "-f", "qcow2", "--output", overlay + ".copy", overlay)
        equal(first_difference(load(overlay + ".copy"), wanted), None, "a copy of it")
        refused(server.uri.replace("disk", "none"), "raw", "404")
        for uri in (server.uri + "?a=b", server.uri.replace("//", "//user:word@")):
            refused(uri, "raw", "without credentials, query and options")


def convert(source, format, path):
    """Makes one request at a time: QEMU's curl driver sometimes hangs with several."""
    must("qemu-img", "convert", "-m", "1", "-f", format, "-O", "raw", source, path)
    return load(path)


@test
def a_web_server_that_fails_gives_no_bytes(directory, rng):
    path, _ = make(directory, "vmdk", {}, rng)
    with open(path + ".raw", "r+b") as file:  # zeros would be other bytes, everywhere
        file.write(bytes([0x5A]) * SIZE)
    with WebServer(path + ".raw") as server, Holder((server.uri, "raw")) as holder:
        good = "bytes 90 90"
        equal(holder.ask("read", 0, 0, 1000), good, "at first")
        server.cut = True
        failed(holder, 3 * MI)
        server.cut = False
        equal(holder.ask("read", 0, 5 * MI, 1000), good, "once it is well again")
        server.stop()
        failed(holder, 9 * MI)


def failed(holder, at):
    before = time.monotonic()
    holds(holder.ask("read", 0, at, 1000), "failed EIO", "answer")
    true(time.monotonic() - before < GONE_SECONDS, "it took too long")


@test
def parts_and_copies_too(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    compare(path, rng, format=format)


@test
def an_overlay_is_read_here_and_only_its_backing_file_by_qemu(directory, rng):
    for name in ("vmdk", "vdi"):
        path, format = make(directory, name, {}, rng)
        overlay = create(path + ".over", SIZE + MI, backing=(path, format))
        equal(load(expected(overlay))[:SIZE], load(path + ".raw"), "all is below, at first")
        io(overlay, ["write -P 7 100k 300k", "write -z 4M 1M", "write -P 8 12M 64k"])
        compare(overlay, rng)
        extents = json.loads(must(CAT, "-f", "qcow2", "--map", overlay))
        equal({one["depth"] for one in extents if one["data"]}, {0, 1}, "layers with data")


@test
def what_stands_on_other_files_opens_none_of_them(directory, rng):
    decoy, _ = make(directory, "vmdk", {}, rng)
    flat = os.path.join(directory, "flat.vmdk")
    must("qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", flat, SIZE)
    text = load(flat).decode().rstrip("\0").replace("flat-flat.vmdk", decoy)
    inside = os.path.join(directory, "inside.vmdk")
    with open(inside, "wb") as file:  # a header without a size: the text further on holds
        head = struct.pack("<4sIIQQQQ", b"KDMV", 1, 3, 0, 128, 1, 20)
        file.write(head.ljust(512, b"\0") + text.encode().ljust(20 * 512, b"\0"))
    with open(flat, "w", encoding="utf-8") as file:
        file.write(text)
    below = {"inside": (inside, "vmdk", "several files"), "flat": (flat, "vmdk", "begin as a vmdk of one file")}
    for format in ("vmdk", "qcow", "qed"):
        path = os.path.join(directory, f"over.{format}")
        must("qemu-img", "create", "-q", "-f", format, "-b", decoy, "-F", "vmdk", path)
        below[format] = (path, format, "backing file")
    for path, format, word in below.values():
        with Opens(decoy) as opens:
            refused(path, format, word)
            true(not opens.any(), f"{path} opened the file it names")


def exchange(path, extent):
    """The file's content becomes a text that names another file; its times and its size stay."""
    before = os.stat(path)
    text = ("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n"
            f"RW {SIZE // 512} FLAT \"{extent}\" 0\n")
    with open(path, "r+b") as file:
        file.write(text.encode().ljust(before.st_size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@test
def an_image_exchanged_behind_our_check_opens_nothing_else(directory, rng):
    """The image is checked when it is opened, and QEMU starts when it is first read."""
    secret = os.path.join(directory, "secret-of-the-host")
    with open(secret, "wb") as file:
        file.write(bytes([90]) * SIZE)
    for extent in (secret, f"../../..{secret}"):
        path, format = make(directory, "vmdk", {}, rng)
        with Holder((path, format)) as holder:
            equal(holder.ask("close", 1), "closed", "none, once the image is open")
            exchange(path, extent)
            if extent == secret:
                must("qemu-io", "-r", "-f", "vmdk", "-c", "read -P 90 0 512", path)
            with Opens(secret) as opens:
                said = holder.ask("read", 0, 0, 1000)
                true(not opens.any(), f"{extent} was opened")
            # The exchange is noticed, or the kernel keeps QEMU from the file.
            denied = said.startswith("failed EIO") and f"{extent}': Permission denied" in said
            true(denied or said.startswith("failed ESTALE"), f"{extent}: {said}")


@test
def what_may_name_other_files_is_read_only_where_landlock_keeps_qemu_from_them(directory, rng):
    without = os.environ["SNAPFS_NO_LANDLOCK"]
    for name in ("vmdk", "qcow", "qed", "vdi", "vhdx", "parallels"):
        path, format = make(directory, name, {}, rng)
        done = subprocess.run([without, CAT, "-f", format, path], capture_output=True)
        if name in ("vmdk", "qcow", "qed"):
            equal((done.returncode, done.stdout), (1, b""), f"{name} without Landlock")
            holds(done.stderr.decode(), "Landlock", "sentence")
        else:
            equal((done.returncode, done.stdout == load(path + ".raw")), (0, True), f"{name} without Landlock")


@test
def an_image_on_a_block_device_is_read(directory, rng):
    path, format = make(directory, "vdi", {}, rng)
    device = must("losetup", "-f", "--show", path).strip()
    try:
        equal(first_difference(cat(device, format=format), load(path + ".raw")), None, "bytes")
    finally:
        must("losetup", "-d", device)


@test
def the_program_is_none_that_the_caller_has_put_in_the_way(directory, rng):
    path, format = make(directory, "vdi", {}, rng)
    programs = os.path.join(directory, "programs")
    os.mkdir(programs)
    with open(os.path.join(programs, "qemu-nbd"), "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\ntouch {programs}/ran\n")
    os.chmod(file.name, 0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run([CAT, "-f", format, path], capture_output=True, env=environment)
    equal((done.returncode, done.stdout == load(path + ".raw")), (0, True), "bytes")
    equal(os.listdir(programs), ["qemu-nbd"], "what it left")


@test
def what_is_no_such_image_is_refused_without_a_process(directory, rng):
    path, _ = make(directory, "vdi", {}, rng)
    for format in ("vmdk", "vhdx", "qcow", "qed", "parallels"):
        refused(path, format, f"begin as a {format} of one file")
    refused(path, "vpc", "end as a vpc does")
    refused(path, "dmg", "'dmg'")
    refused(path, "vdi", "cannot read a snapshot", "-s", "1")
    hide = 'mount --bind /dev/null "$(command -v qemu-nbd)" && exec "$@"'
    result = attempt("unshare", "--mount", "--propagation", "private", "sh", "-c", hide, "-", CAT, "-f", "vdi", path)
    equal((result.status, result.out), (1, ""), "no qemu-nbd")
    holds(result.err, "qemu-utils", "sentence")


@test
def libvirts_words_for_a_format_are_qemus(directory, rng):
    before = None
    for word, name in WORDS.items():
        path, format = make(directory, name, FORMATS[name], rng)
        now = load(expected(path, format))
        true(now == load(path + ".raw") and now != before, f"{name} does not differ from the last")
        equal(first_difference(cat(path, format=word), now), None, word)
        before = now


@test
def the_size_of_a_vpc_is_that_which_qemu_reads(directory, _):
    for number, size in enumerate((5 * MI + 512, 12 * MI, 777 * MI, 130 << 30)):
        for options in ("force_size=off", "force_size=on"):
            path = os.path.join(directory, f"size-{number}-{options}")
            must("qemu-img", "create", "-q", "-f", "vpc", "-o", options, path, size)
            told = json.loads(must("qemu-img", "info", "-f", "vpc", "--output=json", path))["virtual-size"]
            true(options != "force_size=on" or told == size, f"QEMU reads {told} for {size}")
            holds(must(CAT, "-f", "vpc", "--info", path), f"(vpc, {told} bytes)", "info")


@test
def a_vpc_with_a_parent_is_not_read_without_it(directory, rng):
    path, _ = make(directory, "vpc", FORMATS["vpc"], rng)
    with open(path, "r+b") as file:
        file.seek(60)
        file.write(struct.pack(">I", 4))
    refused(path, "vpc", "several files")


@test
def damage_is_told_in_qemus_words(directory, rng):
    path, _ = make(directory, "vhdx", {}, rng)
    with open(path, "r+b") as file:
        file.truncate(1500 * KI)
    refused(path, "vhdx", "truncated")
    path, _ = make(directory, "vdi", {}, rng)
    with open(path, "r+b") as file:
        file.seek(0x15C + 12)
        file.write(b"\xff")  # the size of a sector
    refused(path, "vdi", "QEMU cannot open")


@test
def many_threads_read_one_image(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    with Holder((path, format), (path + ".raw", "raw")) as holder:
        equal(holder.servers(), [], "an image that is open, and no more")
        equal(holder.ask("same", 0, 1), "same")
        equal(len(holder.servers()), 1, "processes")


@test
def a_process_that_is_killed_is_replaced(directory, rng):
    path, format = make(directory, "vdi", {}, rng)
    with Holder((path, format)) as holder:
        holder.read(path)
        for at in (MI, 2 * MI):
            (before,) = holder.servers()
            os.kill(before, signal.SIGKILL)
            holder.read(path, at)
            true(holder.servers() not in ([], [before]), "another process")


@test
def a_process_that_hangs_is_not_waited_for_by_others(directory, rng):
    images = [make(directory, "vmdk", {}, rng) for _ in range(2)]
    with Holder(*images) as holder:
        holder.read(images[0][0])
        (stuck,) = holder.servers()
        os.kill(stuck, signal.SIGSTOP)
        holder.read(images[1][0], image=1)
        equal(holder.ask("close", 0), "closed", "an image whose process is stopped")
        until(lambda: stuck not in holder.servers(), "the stopped process ended")


@test
def an_idle_process_ends_and_another_comes_when_needed(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    with Holder((path, format)) as holder:
        holder.read(path)
        equal(len(holder.servers()), 1, "processes")
        until(lambda: not holder.servers(), "the idle process ended", seconds=60)
        holder.read(path, MI)
        equal(holder.ask("close", 0), "closed")
        equal(children(holder.process.pid), [], "processes once it is closed")


@test
def processes_are_limited(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    images = [(path, format)]
    for number in range(PROCESSES + 3):
        copy = f"{path}-{number}"
        for end in ("", ".raw"):
            shutil.copyfile(path + end, copy + end)
        images.append((copy, format))
    with Holder(*images) as holder:
        for turn in range(2):
            for number, (path, _) in enumerate(images):
                holder.read(path, turn * MI, number)
                true(0 < len(holder.servers()) <= PROCESSES, f"{len(holder.servers())} processes")


@test
def no_process_outlives_us(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    with Holder((path, format)) as holder:
        holder.read(path)
        (server,) = holder.servers()
        holder.process.kill()
        until(lambda: not is_server(server), "its end")


def is_server(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return ") Z" not in file.read()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESRCH):
            fail(str(error))
        return False


@test
def a_process_has_only_what_it_needs(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    with open(path + ".raw", "rb") as extra, Holder((path, format)) as holder:
        os.set_inheritable(extra.fileno(), True)
        holder.read(path)
        (server,) = holder.servers()
        links = {os.readlink(f"/proc/{server}/fd/{one}") for one in os.listdir(f"/proc/{server}/fd")}
        equal({one for one in links if one.startswith(directory)}, {path}, "files of ours")
        with open(f"/proc/{server}/status", encoding="utf-8") as file:
            status = dict(line.split(":", 1) for line in file)
        equal(int(status["SigIgn"], 16) & ~(1 << (signal.SIGPIPE - 1)), 0, "ignored signals")
        equal((int(status["NoNewPrivs"]), int(status["Seccomp"])), (1, 2), "what it may do")
        equal(os.readlink(f"/proc/{server}/cwd"), "/", "directory")
        true(not [one for one in os.listdir("/run") if one.startswith("snapfs-")], "socket left")


@test
def a_file_that_changes_is_stale(directory, rng):
    path, format = make(directory, "vmdk", {}, rng)
    with Holder((path, format)) as holder:
        holder.read(path)
        io(path, ["write -P 9 0 64k"], format=format)
        holds(holder.ask("read", 0, 0, 512), "failed ESTALE", "after a write to it")


with scratch() as place:
    run(place, seeded())
