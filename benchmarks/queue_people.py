"""People at a queue over HTTP, and how long each of their requests takes; nothing here knows the server's code."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

LISTS = {
    "newest": {}, "oldest": {"ordering": "oldest"}, "confidence": {"ordering": "confidence"},
    "unsure": {"ordering": "unsure"}, "decided": {"ordering": "decided"}, "open": {"state": "open"},
    "answered": {"state": "decided"}, "rejected": {"decision": "reject", "page_size": 40}, "kind": {"kind": "shifted"},
    "two kinds": {"kind": ["add", "remove"], "ordering": "oldest"}, "sure": {"min_confidence": 0.9},
    "middling": {"min_confidence": 0.4, "max_confidence": 0.5, "ordering": "oldest"},
    "exported": {"exported": "true", "page_size": 40}, "not exported": {"exported": "false", "state": "open"},
    "large page": {"page_size": 500},
}  # fmt: skip
"""Each holds more than a page in a queue of a thousand as well, so that times compare like with like."""
RARE = {
    "one in a thousand": {"min_confidence": 0.999}, "narrow": {"min_confidence": 0.4, "max_confidence": 0.401},
    "rare and old": {"kind": "shifted", "min_confidence": 0.99, "ordering": "oldest"}, "none": {"decision": "too_old"},
}  # fmt: skip
"""These hold next to nothing in a short queue: their times stand alone."""
REFUSED = {"decision": "reject", "reason": "not_a_building"}
PAGES = 5
ROUNDS = 8
WARMING = 24


@dataclass(frozen=True)
class Stage:
    """Which queue people work at.

    Attributes:
        name: the stage, which is also what its list is called.
        lists: queries of its list, by name.
        said: what everybody answers.
        batch: the batch they work in; None where the stage has one queue.
    """

    name: str = "changes"
    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {**LISTS, **RARE})
    said: Mapping[str, str] = field(default_factory=lambda: REFUSED)
    batch: int | None = None


class Work:
    """What people do at one queue, and how long each request took (milliseconds)."""

    def __init__(self, region: int, seconds: float, stage: Stage | None = None) -> None:
        self.region, self.seconds, self.stage = region, seconds, stage or Stage()
        self.list = f"/api/regions/{region}/{self.stage.name}/"
        self.claim = f"/api/review/{self.stage.name}/claim/"
        self.asked = {"region": region, "batch": self.stage.batch}
        self.times: dict[str, list[float]] = {"claim": [], "decide": []}
        self.acknowledged: list[int] = []
        self.lock = threading.Lock()

    def warm(self, url: str, token: str) -> None:
        """Let every worker and thread serve each sort of request once, untimed; a claim that is given back is one."""

        def one() -> None:
            with client_of(url, token) as client:
                for _ in range(3):
                    client.get(self.list, params={"page_size": 10})
                item = client.post(self.claim, json=self.asked).json()["item"]
                if item is not None:
                    client.post(f"/api/review/items/{item['id']}/release/", json={"lease_token": item["lease_token"]})

        several = [threading.Thread(target=one) for _ in range(WARMING)]
        for thread in several:
            thread.start()
        for thread in several:
            thread.join()

    def look_and_decide(self, url: str, tokens: list[str]) -> None:
        """Everybody claims, looks for a second, decides."""
        end = time.monotonic() + self.seconds
        people = [threading.Thread(target=self._person, args=(url, token, end, 1.0)) for token in tokens]
        for person in people:
            person.start()
            time.sleep(1.0 / len(tokens))  # people do not press in step
        for person in people:
            person.join()

    def drain(self, url: str, tokens: list[str], seconds: float) -> None:
        """Everybody decides without looking."""
        end = time.monotonic() + seconds
        people = [threading.Thread(target=self._person, args=(url, token, end, 0.0)) for token in tokens]
        for person in people:
            person.start()
        for person in people:
            person.join()

    def _person(self, url: str, token: str, end: float, look: float) -> None:
        with client_of(url, token) as client:
            while time.monotonic() < end:
                given, claim_ms = timed(client, self.claim, self.asked)
                item = given.json().get("item")
                if item is None:
                    return
                time.sleep(look)
                said = {"lease_token": item["lease_token"], "version": item["version"], **self.stage.said,
                        "seconds": look, "idempotency_key": str(uuid.uuid4())}  # fmt: skip
                reply, decide_ms = timed(client, f"/api/review/items/{item['id']}/decide/", said)
                with self.lock:
                    if look:
                        self.times["claim"].append(claim_ms)
                        self.times["decide"].append(decide_ms)
                    if reply.status_code == 200:
                        self.acknowledged.append(item["id"])

    def leaf(self, url: str, token: str) -> None:
        """One person leafs through every list, page by page."""
        with client_of(url, token) as client:
            for _ in range(ROUNDS):
                for name, query in self.stage.lists.items():
                    path: str | None = self.list
                    params: Any = {"page_size": 60, **query}
                    for _ in range(PAGES):
                        if path is None:
                            break
                        start = time.perf_counter()
                        reply = client.get(path, params=params)
                        self.times.setdefault(f"list/{name}", []).append((time.perf_counter() - start) * 1000)
                        path, params = reply.json()["next"], None


logging.getLogger("httpx").setLevel(logging.WARNING)


def client_of(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=120)


def timed(client: httpx.Client, path: str, body: dict[str, Any]) -> tuple[httpx.Response, float]:
    start = time.perf_counter()
    reply = client.post(path, json=body)
    return reply, (time.perf_counter() - start) * 1000
