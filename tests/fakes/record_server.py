"""A server on this machine that holds a folder below /1.0/ as PhysioNet would, and that can misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Library:
    """What the server holds, what it was asked for, and how it misbehaves: path -> one fault per request to come."""

    root: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)


def handler(library: Library) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/1.0/")
            library.requests.append(name)
            fault = (library.faults.get(name) or ["none"]).pop(0)
            path = library.root / name
            if fault == "503" or not path.is_file():
                self.send_error(503 if fault == "503" else 404)
                return
            body = bytearray(path.read_bytes())
            if fault == "damage":
                body[len(body) // 2] ^= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            half = len(body) // 2
            self.wfile.write(body[:half])
            if fault == "stall":
                library.stalled.set()
                library.go_on.wait(30)
            elif fault != "cut":
                self.wfile.write(body[half:])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving(root: Path) -> Iterator[Library]:
    """Serve a folder until the block ends."""
    library = Library(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(library))
    library.url = f"http://127.0.0.1:{server.server_port}/1.0"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield library
    finally:
        library.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
