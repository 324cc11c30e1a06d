"""A foreign web server in a process of its own: the standard library's, plain or over TLS."""

from __future__ import annotations

import functools
import http.server
import ssl
import sys


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `/fails`, `/login` and `/away` answer as they are called."""

    def do_GET(self) -> None:
        special = {"/fails": 503, "/login": 401, "/away": 302}.get(self.path)
        if special is None:
            super().do_GET()
            return
        self.send_response(special)
        if special == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def main(folder: str, certificate: str) -> None:
    """Serve until killed; print the port first."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
