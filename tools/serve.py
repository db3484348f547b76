"""Serve the built site to this machine."""

import errno
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from tools.fingerprint import BUILD
from tools.run import fail

DEFAULT_PORT = 8000
TRIES = 10


def open_server(wanted: str | None) -> ThreadingHTTPServer:
    """A server on the port that was asked for, or else on the first free one from 8000."""
    if wanted and not (wanted.isdigit() and 0 < int(wanted) < 2**16):
        fail(f"PORT must be a whole number from 1 to 65535, got {wanted!r}")
    ports = [int(wanted)] if wanted else list(range(DEFAULT_PORT, DEFAULT_PORT + TRIES))
    for port in ports:
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=BUILD / "html"))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise SystemExit(f"Port {ports[0]} is taken or not allowed. Name a free one: make serve PORT={ports[-1] + 1}")


def main() -> None:
    """Serve until interrupted."""
    server = open_server(os.environ.get("PORT"))
    print(f"The book is at http://127.0.0.1:{server.server_port}/ (Ctrl-C ends this)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
