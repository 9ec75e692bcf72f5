#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the archive of `meson dist` build? Usage: dist.py SOURCE_ROOT BUILD_ROOT VERSION; prints TAP.

It packs what is committed. The tests are set up, so that none of their files may lack, but not built.
"""

import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import sources


def must(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Bail out! {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def pack(source, build, version):
    """The archive, and the names of what is committed."""
    sources.trust_git()
    must("meson", "dist", "-C", build, "--no-tests", "--allow-dirty", "--formats", "gztar")
    committed = sources.git(source, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    return pathlib.Path(build, "meson-dist", f"snapfs-{version}.tar.gz"), committed


def unpack(archive, folder):
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
        return [one.name.partition("/")[2] for one in tar.getmembers() if not one.isdir()]


def version_built(source):
    build = pathlib.Path(source, "build")
    must("meson", "setup", build, source, "--werror", "--buildtype=plain")
    must("ninja", "-C", build, "fs/fuse/snapfs", "core/image/cat/snapfs-cat")
    return must(build / "fs/fuse/snapfs", "-V")


def main():
    source, build, version = sys.argv[1:]
    os.nice(10)  # tests beside it heed the time
    archive, committed = pack(source, build, version)
    with tempfile.TemporaryDirectory(dir=build) as folder:
        packed = unpack(archive, folder)
        said = version_built(pathlib.Path(folder, f"snapfs-{version}"))
    facts = {
        "all that is committed is packed": len(packed) > 500 and sorted(packed) == sorted(committed),
        "snapfs is built from it": said.startswith(f"snapfs {version} "),
    }
    for number, (what, right) in enumerate(facts.items(), 1):
        print(f"{'' if right else 'not '}ok {number} - {what}")
    print(f"1..{len(facts)}")


if __name__ == "__main__":
    main()
