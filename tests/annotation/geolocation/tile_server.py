"""A real server of tiles on loopback, in all its moods."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

from mlcore.geometry.webmercator import TileAddress
from tests.serving import serving


@dataclass(frozen=True)
class Said:
    """One answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Served:
    """The running server: its template, and the paths and headers it was asked for."""

    template: str
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


def png(tile: TileAddress, side_px: int = 256, form: str = "PNG") -> bytes:
    """A tile whose pixels are noise by its address."""
    rng = np.random.default_rng([tile.z, tile.x, tile.y])
    image = Image.fromarray(rng.integers(30, 220, (side_px, side_px, 3), dtype=np.uint8))
    content = io.BytesIO()
    image.save(content, form)
    return content.getvalue()


@contextmanager
def tile_server(answer: Callable[[TileAddress, int], Said]) -> Iterator[Served]:
    """Serve z/x/y on a free port; `answer(tile, number)` says what the number-th request (from 0) gets."""
    lock = threading.Lock()
    shown = Served("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                number = len(shown.asked)
                shown.asked.append(self.path)
                shown.headers.append(dict(self.headers))
            z, x, y = (int(part) for part in self.path.strip("/").removesuffix(".png").split("/"))
            said = answer(TileAddress(z, x, y), number)
            self.send_response(said.status)
            for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    shown.template = f"http://127.0.0.1:{server.server_address[1]}/{{z}}/{{x}}/{{y}}.png"
    with serving(server):
        yield shown
