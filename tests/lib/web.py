# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that has one file for HTTP, whole or in ranges."""

import http.server
import os
import re
import threading


class Server:
    """`with Server(FILE) as server:` has it at `server.uri`, until `server.stop()`.

    With `server.cut`, the server breaks the connection halfway through an answer with bytes.
    """

    name = "dir/disk.raw"

    def __init__(self, path):
        self.path, self.cut = path, False

    def __enter__(self):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.owner = self
        self.host, self.port = self.http.server_address
        self.uri = f"http://{self.host}:{self.port}/{self.name}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.thread.is_alive():
            self.http.shutdown()
            self.thread.join()
            self.http.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    """Uses one connection for each request, so that none outlives the server."""

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        owner = self.server.owner
        if self.path != "/" + owner.name:
            self.send_error(404)
            return
        size = os.path.getsize(owner.path)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(one) for one in wanted.groups()) if wanted else (0, size - 1)
        last = min(last, size - 1)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if body:
            with open(owner.path, "rb") as file:
                file.seek(first)
                self.wfile.write(file.read((last + 1 - first) // (2 if owner.cut else 1)))

    def log_message(self, *_):
        pass
