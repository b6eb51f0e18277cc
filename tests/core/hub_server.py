"""A real HTTP server on loopback that answers as the Hugging Face hub does for large files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What is served, what goes wrong, and what was asked.

    stated_sha256: the etag of the one file; others: further files by path; cut_after: bytes after which the next answer
    breaks off; stall: it hangs there instead.
    """

    def __init__(self, path: str, content: bytes) -> None:
        self.path, self.content = path, content
        self.stated_sha256 = hashlib.sha256(content).hexdigest()
        self.others: dict[str, bytes] = {}
        self.cut_after: int | None = None
        self.stall = False
        self.stalled, self.release = threading.Event(), threading.Event()
        self.ranges: list[str | None] = []
        self.url = ""

    def served(self, path: str) -> bytes | None:
        return self.content if path == self.path else self.others.get(path)

    def etag(self, path: str) -> str:
        return self.stated_sha256 if path == self.path else hashlib.sha256(self.others[path]).hexdigest()

    def broken(self) -> int | None:
        """How far the next answer gets; the one after it is whole again."""
        cut, self.cut_after = self.cut_after, None
        return cut


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            content = hub.served(self.path)
            self._missing() if content is None else self._answer(200, content, len(content))

        def do_GET(self) -> None:
            content = hub.served(self.path)
            if content is None:
                self._missing()
                return
            asked = self.headers.get("Range")
            hub.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            part = content[start:]
            self._answer(206 if asked else 200, part, len(content))
            cut = hub.broken()
            if cut is None:
                self.wfile.write(part)
                return
            self.wfile.write(part[:cut])
            self.wfile.flush()
            if hub.stall:
                hub.stalled.set()
                hub.release.wait(30)
            self.close_connection = True
            self.connection.close()

        def _answer(self, status: int, part: bytes, whole: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(part)))
            if status == 206:
                first = whole - len(part)
                self.send_header("Content-Range", f"bytes {first}-{whole - 1}/{whole}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", f'"{hub.etag(self.path)}"')
            self.send_header("X-Linked-Etag", f'"{hub.etag(self.path)}"')
            self.send_header("X-Linked-Size", str(whole))
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()

        def _missing(self) -> None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
