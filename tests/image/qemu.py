# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU process with an image open for writing, commanded over QMP."""

import json
import subprocess

from lib.tap import fail, true


class Qemu:
    """with Qemu(path) as qemu: … At the end QEMU quits; it is killed if it does not quit, or if a check failed."""

    def __init__(self, path, **options):
        node = {"driver": "qcow2", "node-name": "disk", "discard": "unmap",
                "file": {"driver": "file", "filename": path, "discard": "unmap"}, **options}
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-qmp", "stdio",
             "-blockdev", json.dumps(node)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        try:
            self.process.stdout.readline()
            self.do("qmp_capabilities")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.do("quit")
                self.process.wait(timeout=30)
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def do(self, command, **arguments):
        """Returns QMP's answer and the other lines that QEMU printed."""
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.process.stdin, flush=True)
        printed = []
        for line in self.process.stdout:
            answer = json.loads(line) if line.startswith("{") else printed.append(line) or {}
            if "error" in answer:
                fail(f"{command} {arguments}: {answer}")
            if "return" in answer:
                return answer["return"], "".join(printed)
        return fail(f"QEMU died of {command} {arguments}")

    def io(self, command):
        answer, printed = self.do("human-monitor-command", **{"command-line": f'qemu-io disk "{command}"'})
        true(" bytes at offset " in printed and not answer, f"{command}: {printed}{answer}")
