"""The built site, served to a real browser that can reach nothing else."""

import gzip
import mimetypes
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]

# the site's own Sphinx extensions and, for plain imports between these files, this folder
sys.path[:0] = [str(ROOT / "book" / "ext"), str(Path(__file__).parent)]

from inspection import ADVICE, SITE, give_up  # noqa: E402 - the path above leads to it

# Without the network flags Chromium looks up its maker's hosts at every start; it runs as root in CI, hence no sandbox.
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    if not (SITE / "index.html").is_file():
        give_up(ADVICE)
    return SITE


# not every machine's own list of types has them
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("application/octet-stream", ".onnx")


@cache
def _compressed(path: Path, changed: int) -> bytes:
    # the runtime of the explorables has 14 MB, and many tests load it
    return gzip.compress(path.read_bytes(), compresslevel=6, mtime=0)


class _Handler(BaseHTTPRequestHandler):
    """Serves files as a web host does: text and programs go compressed."""

    # connections are kept, and what was loaded once is not asked for again
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = SITE / unquote(urlsplit(self.path).path).lstrip("/")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        compress = kind.startswith("text/") or kind.endswith(("javascript", "json", "xml", "wasm"))
        if not path.is_file():
            body, status, compress = b"not found", 404, False
        elif compress:
            body, status = _compressed(path, path.stat().st_mtime_ns), 200
        else:
            body, status = path.read_bytes(), 200
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "max-age=3600")
        if compress:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The address under which the site is served, with its closing slash."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(site: Path) -> Iterator[object]:
    """One Chromium for all tests: the machine's own, never a download."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))]
    executable = next(filter(None, candidates), None)
    if executable is None:
        give_up("no Chromium found: install the package `chromium`, or name the program in CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()
