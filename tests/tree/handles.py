# SPDX-License-Identifier: GPL-3.0-or-later
"""A file handle (name_to_handle_at, as NFS servers keep them) never opens another file."""

import ctypes
import errno
import os

from lib import preset
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, run, test, true

AT_FDCWD = -100
HANDLE_BYTES = 128
LIBC = ctypes.CDLL(None, use_errno=True)
WEB = Domain("web01", Snapshot("base", Snapshot("updates", current=True)), disks=("vda", "vdb"))


class FileHandle(ctypes.Structure):
    _fields_ = [
        ("bytes", ctypes.c_uint),
        ("type", ctypes.c_int),
        ("handle", ctypes.c_ubyte * HANDLE_BYTES),
    ]


def handle_of(path):
    handle, number = FileHandle(bytes=HANDLE_BYTES), ctypes.c_int()
    taken = LIBC.name_to_handle_at(
        AT_FDCWD, path.encode(), ctypes.byref(handle), ctypes.byref(number), 0
    )
    equal(taken, 0, f"name_to_handle_at of {path}: {os.strerror(ctypes.get_errno())}")
    return handle


def open_handle(point, handle):
    """A descriptor of the file, or the errno why there is none."""
    root = os.open(point, os.O_RDONLY)
    try:
        found = LIBC.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY)
        return (found, 0) if found >= 0 else (None, ctypes.get_errno())
    finally:
        os.close(root)


def files(point):
    return [
        os.path.join(directory, name) for directory, _, names in os.walk(point) for name in names
    ]


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        print(2, file=file)


def identity(path_or_descriptor):
    found = os.stat(path_or_descriptor)
    return found.st_dev, found.st_ino


@test
def a_handle_opens_its_file(uri):
    with Mount(uri) as mount:
        for path in files(mount.point):
            if os.path.islink(path):
                continue
            descriptor, failure = open_handle(mount.point, handle_of(path))
            equal(failure, 0, f"opening {path} by its handle: {os.strerror(failure)}")
            equal(identity(descriptor), identity(path), path)
            os.close(descriptor)


@test
def a_handle_of_a_directory_leads_to_its_path(uri):
    with Mount(uri) as mount:
        for directory, _, _ in os.walk(mount.point):
            descriptor, failure = open_handle(mount.point, handle_of(directory))
            equal(failure, 0, f"opening {directory} by its handle: {os.strerror(failure)}")
            equal(os.readlink(f"/proc/self/fd/{descriptor}"), directory)
            above = os.open("..", os.O_RDONLY, dir_fd=descriptor)
            if directory != mount.point:
                equal(identity(above), identity(os.path.dirname(directory)), f"above {directory}")
            os.close(above)
            os.close(descriptor)


@test
def after_a_drop_of_caches_a_handle_opens_its_file_or_is_stale(uri):
    with Mount(uri) as mount:
        image = mount.path("web01/by-name/updates/vda.raw")
        handle, was = handle_of(image), identity(image)
        drop_caches()
        files(mount.point)
        descriptor, failure = open_handle(mount.point, handle)
        if descriptor is None:
            equal(errno.errorcode[failure], "ESTALE")
        else:
            equal(identity(descriptor), was)
            os.close(descriptor)


@test
def no_handle_of_an_earlier_mount_opens_anything(uri):
    with Mount(uri) as mount:
        handles = [handle_of(path) for path in files(mount.point)]
    true(len(handles) > 10, f"{len(handles)} handles")
    with Mount(uri) as mount:
        files(mount.point)
        for handle in handles:
            descriptor, failure = open_handle(mount.point, handle)
            equal((descriptor, errno.errorcode[failure]), (None, "ESTALE"))


with scratch() as directory:
    WEB.directory = directory
    WEB.create_images()
    run(preset.write(os.path.join(directory, "node.xml"), WEB))
