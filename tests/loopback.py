"""A real HTTP server on loopback that plays an OpenAI-compatible endpoint in all its moods."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving

ANSWER = {
    "building_density": "dense", "dominant_building_size": "small", "block_pattern": "grid",
    "building_arrangement": "row", "outline_complexity": "rectangular", "roof_hint": "flat",
    "construction_state": "stable", "road_layout": "grid", "road_density": "high", "open_space": "small_gaps",
    "land_use": "residential", "summary": "Rows of small houses along a grid of roads.",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """One answer of the server; `hang` holds it back until the server closes."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


def completion(content: Any = None, *, usage: Any = None, **more: Any) -> Said:
    """A chat completion whose message holds `content`, by default a valid anchor."""
    text = content if isinstance(content, str) else json.dumps(ANSWER if content is None else content)
    told = {"prompt_tokens": 900, "completion_tokens": 120} if usage is None else usage
    body = {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": told, **more}
    return Said(json.dumps(body).encode(), headers={"Content-Type": "application/json"})


@dataclass
class Endpoint:
    """The running server: its address, and the requests it has had, as (headers, body)."""

    url: str
    port: int
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0


@contextmanager
def endpoint(answer: Callable[[int, dict[str, Any]], Said], *, host: str = "127.0.0.1") -> Iterator[Endpoint]:
    """Serve on a free port; `answer(number, body)` says what the number-th request (from 0) gets."""
    lock, closing = threading.Lock(), threading.Event()
    shown = Endpoint("", 0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(shown.requests)
                shown.requests.append((dict(self.headers), body))
                shown.at_once += 1
                shown.most_at_once = max(shown.most_at_once, shown.at_once)
            try:
                self.reply(answer(number, body))
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                with lock:
                    shown.at_once -= 1

        def reply(self, said: Said) -> None:
            if said.hang:
                closing.wait(30)
                return
            self.send_response(said.status)
            for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    shown.port = server.server_address[1]
    shown.url = f"http://{host}:{shown.port}/v1"
    with serving(server):
        try:
            yield shown
        finally:
            closing.set()
