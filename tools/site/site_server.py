"""Serve a built site as a host of static pages does.

    python -m tools.site.site_server SITE [--prefix /book/]

Under a path of its own, so that a link from the root leads nowhere; text compressed; the site's own page for
an address that is not there. The browser tests and `make lighthouse` look at the site through it.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import mimetypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools import ROOT

COMPRESSED = {".css", ".html", ".ipynb", ".js", ".json", ".md", ".svg", ".txt", ".xml"}


@functools.lru_cache(maxsize=256)
def compressed(file: Path, changed: float) -> bytes:
    """The file as gzip; once for each version of it."""
    return gzip.compress(file.read_bytes(), mtime=0)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the files of `root` below `prefix`."""

    protocol_version = "HTTP/1.1"
    root: Path
    prefix: str

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        file = self.root / path.removeprefix(self.prefix)
        if not path.startswith(self.prefix) or not file.resolve().is_relative_to(self.root):
            self.answer(HTTPStatus.NOT_FOUND, self.root / "404.html")
        elif file.is_dir() and not path.endswith("/"):
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", f"{path}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            file = file / "index.html" if file.is_dir() else file
            known = file.is_file()
            self.answer(*(HTTPStatus.OK, file) if known else (HTTPStatus.NOT_FOUND, self.root / "404.html"))

    do_HEAD = do_GET  # noqa: N815

    def answer(self, status: HTTPStatus, file: Path) -> None:
        """Send a file; nothing but the status where even the page that says so is missing."""
        found = file.is_file()
        zipped = file.suffix in COMPRESSED and "gzip" in self.headers.get("Accept-Encoding", "")
        body = b"" if not found else compressed(file, file.stat().st_mtime) if zipped else file.read_bytes()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if file.suffix in COMPRESSED else kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Vary", "Accept-Encoding")
        if zipped and found:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def find_chromium(*first: str) -> str | None:
    """What $CHROMIUM names, else `first`, Debian's Chromium or Chrome; None where there is none."""
    names = (os.environ.get("CHROMIUM"), *first, "chromium", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def build(site: Path, address: str) -> None:
    """Build the site as `make build` does, into a folder, for the address that it will have.

    Raises:
        RuntimeError: with what the command printed.
    """
    environment = {**os.environ, "SITE_URL": address, "NO_MKDOCS_2_WARNING": "1"}
    for name in ("EDIT_URI", "REPO_URL"):
        environment.pop(name, None)
    for command in (["-m", "mkdocs", "build", "--strict", "--site-dir"], ["tools/site/finish_site.py"]):
        full = [sys.executable, *command, str(site)]
        done = subprocess.run(full, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(full)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def serving(root: Path, prefix: str = "/book/", port: int = 0) -> Iterator[str]:
    """Serve a folder inside the `with` block, which gets the address of its home page.

    Args:
        root: of the built site; it may still be empty.
        prefix: begins and ends with a slash.
        port: 0 for a free one.
    """
    handler = type("SiteHandler", (Handler,), {"root": root.resolve(), "prefix": prefix})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{prefix}"
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--prefix", default="/book/")
    parser.add_argument("--port", type=int, default=8001)
    options = parser.parse_args()
    with serving(options.site, options.prefix, options.port) as address:
        print(f"{address}  (Ctrl+C ends it)")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
