"""Serves from a thread for as long as a test wants it to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

POLL_S = 0.01
"""How soon a server ends that is told to: its own half second, waited for by every test, is longer than most tests."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Answer requests meanwhile; afterwards the port is free and the thread gone."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
