"""A real web server process on a database of its own, and people who review through it over HTTP."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
SECRET = "only-for-this-run-" + "x" * 50


class WebServer:
    """gunicorn on loopback with worker threads, as `with WebServer(environment) as url`."""

    def __init__(self, environment: dict[str, str], *, workers: int = 2, threads: int = 8) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings.dev", "MAPWRIGHT_SECRET_KEY": SECRET,
            "OMP_NUM_THREADS": "1", **environment,
        }  # fmt: skip
        self.command = [
            sys.executable, "-m", "gunicorn", "webapp.wsgi", "--bind", f"127.0.0.1:{self.port}",
            "--workers", str(workers), "--threads", str(threads), "--timeout", "120", "--log-level", "warning",
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        self.process = subprocess.Popen(self.command, cwd=ROOT, env=self.environment)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/login/", timeout=10).status_code == 200:
                    return self.url
            except httpx.TransportError:
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError("the web server did not answer in 90 s")

    def __exit__(self, *_: object) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Worked:
    """What the clients saw: acknowledged decisions by item, milliseconds of each request, answers other than 200."""

    acknowledged: list[int] = field(default_factory=list)
    claim_ms: list[float] = field(default_factory=list)
    decide_ms: list[float] = field(default_factory=list)
    troubles: int = 0
    lock: Any = field(default_factory=threading.Lock)


def drain(
    url: str, tokens: list[str], *, region: int, batch: int | None, stage: str = "anchors",
    on_decided: Callable[[int], None] = lambda number: None,
) -> Worked:  # fmt: skip
    """Everybody claims and decides until nothing is open; a request without an answer is sent again, with its key."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    worked = Worked()
    threads = [
        threading.Thread(target=_person, args=(url, token, region, batch, stage, worked, on_decided))
        for token in tokens
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return worked


def _person(
    url: str, token: str, region: int, batch: int | None, stage: str, worked: Worked, on_decided: Callable[[int], None]
) -> None:
    with httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=60) as client:
        while True:
            body = {"region": region, "batch": batch}
            given = _send(client, f"/api/review/{stage}/claim/", body, worked, worked.claim_ms)
            item = given.get("item")
            if item is None:
                if not given.get("open") or given["open"] == given.get("blocked"):
                    return
                time.sleep(0.05)
                continue
            said = {"lease_token": item["lease_token"], "version": item["version"], "decision": "accept",
                    "seconds": 1.0, "idempotency_key": str(uuid.uuid4())}  # fmt: skip
            saved = _send(client, f"/api/review/items/{item['id']}/decide/", said, worked, worked.decide_ms)
            if saved:
                with worked.lock:
                    worked.acknowledged.append(item["id"])
                    number = len(worked.acknowledged)
                on_decided(number)


def _send(client: httpx.Client, path: str, body: dict[str, Any], worked: Worked, times: list[float]) -> dict[str, Any]:
    """The answer, or {} where the server said no for good (409); troubles are tried again."""
    deadline = time.monotonic() + 180
    while True:
        start = time.perf_counter()
        try:
            reply = client.post(path, json=body)
        except httpx.TransportError:
            reply = None
        if reply is not None and reply.status_code == 200:
            times.append((time.perf_counter() - start) * 1000)
            return reply.json()
        worked.troubles += 1
        if reply is not None and reply.status_code in {400, 403, 404, 409}:
            return {}
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path}: no answer in 180 s ({reply.status_code if reply is not None else 'no reply'})")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
