# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest agent without a guest, on the socket where libvirt expects one.

libvirt talks to an agent only once QEMU says that the guest has opened its port. There is no guest,
so a relay between libvirt and QEMU's monitor says so; libvirt connects to it when it starts again.
"""

import contextlib
import glob
import json
import os
import socket
import threading

from lib import daemon
from lib.domain import Domain
from lib.wait import until

CHANNEL = """<controller type='virtio-serial' index='0'/>
    <channel type='unix'><source mode='connect' path='{}'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices>"""


class Serving:
    """A listening socket; each connection has a thread."""

    def __init__(self, path, serve):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection = self.socket.accept()[0]
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


class Agent(Serving):
    """Answers as qemu-ga does. `hangs` and `fails` name commands that hang or fail; `heard` has those that came."""

    def __init__(self, path):
        self.heard, self.frozen = [], False
        self.hangs, self.fails = set(), set()
        super().__init__(path, self.talk)

    def talk(self, connection):
        with contextlib.suppress(OSError), connection.makefile("rwb") as file:
            for line in file:
                # A byte that is not UTF-8 resets the other side's parser.
                answer = self.answer(json.loads(line.replace(b"\xff", b"")))
                if answer:
                    file.write(answer)
                    file.flush()

    def answer(self, request):
        command, arguments = request["execute"], request.get("arguments", {})
        if not command.startswith("guest-sync"):
            self.heard.append(command)
        if command in self.hangs:
            return None
        if command in self.fails:
            error = {"class": "GenericError", "desc": f"{command} failed"}
            return json.dumps({"error": error}).encode() + b"\n"
        mark = b"\xff" if command == "guest-sync-delimited" else b""
        return mark + json.dumps({"return": self.act(command, arguments)}).encode() + b"\n"

    def act(self, command, arguments):
        if command.startswith("guest-sync"):
            return arguments["id"]
        if command.startswith("guest-fsfreeze-freeze"):
            self.frozen = True
            return 1
        if command == "guest-fsfreeze-thaw":
            was, self.frozen = self.frozen, False
            return int(was)
        if command == "guest-fsfreeze-status":
            return "frozen" if self.frozen else "thawed"
        return {}


class WithAgent(Domain):
    """A domain with a guest agent, `agent`, which is connected when the domain runs."""

    def __init__(self, name, directory, *arguments, **keywords):
        super().__init__(name, directory, *arguments, **keywords)
        self.channel = os.path.join(directory, f"{name}.agent")

    def document(self):
        return super().document().replace("</devices>", CHANNEL.format(self.channel))

    def start(self, *flags):
        self.agent = Agent(self.channel)
        super().start(*flags)
        [monitor] = glob.glob(f"/var/lib/libvirt/qemu/domain-*-{self.name}/monitor.sock")
        daemon.kill()
        os.rename(monitor, f"{monitor}.qemu")
        Serving(monitor, lambda connection: relay(connection, f"{monitor}.qemu"))
        daemon.start()
        until(lambda: "state='connected'" in self.virsh("dumpxml", self.name), "the agent is connected")


def relay(connection, path):
    """Passes the monitor's lines on, and changes them so that every port of the guest is open."""
    qemu = socket.socket(socket.AF_UNIX)
    qemu.connect(path)
    back = threading.Thread(
        target=copy, args=(qemu, connection, (b'"frontend-open": false', b'"frontend-open": true')),
        daemon=True,
    )
    back.start()
    copy(connection, qemu, (b"", b""))


def copy(source, sink, change):
    with contextlib.suppress(OSError), source.makefile("rb") as lines:
        for line in lines:
            sink.sendall(line.replace(*change) if change[0] else line)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
