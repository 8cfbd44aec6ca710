"""What tests of hostile files share."""

from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.serving import serving


@pytest.fixture
def listener():
    """A server on this machine that remembers every request."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *args):
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}", asked
