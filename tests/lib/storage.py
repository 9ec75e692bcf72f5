# SPDX-License-Identifier: GPL-3.0-or-later
"""A qcow2 file that a QEMU process has open, to write to it and to take many tags fast."""

import json
import os
import subprocess

from lib.tap import fail


class Storage:
    """`with Storage(PATH) as storage:` the disk's bytes are the file storage.view until the end."""

    def __init__(self, path):
        self.path, self.view = path, path + ".view"

    def __enter__(self):
        with open(self.view, "wb"):
            pass
        self.process = subprocess.Popen(
            [
                *("qemu-storage-daemon", "--chardev", "stdio,id=qmp", "--monitor", "chardev=qmp"),
                "--blockdev",
                "driver=qcow2,node-name=disk,file.driver=file,file.cache.no-flush=on,"
                f"file.filename={self.path}",
                *("--export", f"fuse,id=view,node-name=disk,mountpoint={self.view},writable=on"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()
        self.command("qmp_capabilities")
        return self

    def __exit__(self, *_):
        self.command("quit")
        self.process.communicate()
        os.unlink(self.view)

    def command(self, verb, **arguments):
        print(json.dumps({"execute": verb, "arguments": arguments}), file=self.process.stdin, flush=True)
        answer = self.answer()
        if "return" not in answer:
            fail(f"{verb} {arguments}: {answer}")

    def answer(self):
        """Returns QEMU's next message, except events."""
        while True:
            said = json.loads(self.process.stdout.readline())
            if "event" not in said:
                return said

    def write(self, content, offset=0):
        with open(self.view, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), content, offset)

    def tag(self, name):
        self.command("blockdev-snapshot-internal-sync", device="disk", name=name)
