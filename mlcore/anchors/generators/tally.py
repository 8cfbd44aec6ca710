"""Keeps count while many tiles are asked for at once: what is next, what came back, when to give up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mlcore.anchors.generators.base import Outcome
from mlcore.anchors.generators.exchange import Reply
from mlcore.anchors.schema import Anchor
from mlcore.geometry.webmercator import TileAddress


@dataclass
class Count:
    """What one tile has cost so far."""

    tile: TileAddress
    tries: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None

    def add(self, reply: Reply) -> None:
        if reply.tokens_in is not None:
            self.tokens_in = (self.tokens_in or 0) + reply.tokens_in
        if reply.tokens_out is not None:
            self.tokens_out = (self.tokens_out or 0) + reply.tokens_out

    def outcome(self, anchor: Anchor | None, reason: str = "", detail: str = "") -> Outcome:
        return Outcome(self.tile, anchor, reason, detail, self.tokens_in, self.tokens_out, self.tries)


class Tally:
    """The tiles of one run.

    Args:
        patience: so many tiles in a row without any answer, and the rest is given up.

    Attributes:
        left: tiles whose outcome has not been taken yet.
        hopeless: why no tile can succeed any more, "" while one may.
    """

    def __init__(self, tiles: Sequence[TileAddress], *, patience: int) -> None:
        self.left, self.patience, self.hopeless = len(tiles), patience, ""
        self._tiles = iter(tiles)
        self._silent = 0
        self._error: BaseException | None = None
        self._done: asyncio.Queue[Outcome | None] = asyncio.Queue()

    def next_tile(self) -> TileAddress | None:
        """The next tile to ask for; once the run is given up, the rest is put down as such and nothing is left."""
        if self.hopeless:
            for tile in self._tiles:
                self._done.put_nowait(Outcome(tile, None, "given_up", f"not asked for: {self.hopeless}", tries=0))
        return next(self._tiles, None)

    def put(self, outcome: Outcome) -> None:
        """One tile is through; junk is an answer too, so that only silence counts against the endpoint."""
        self._silent = 0 if outcome.anchor is not None or outcome.reason == "junk" else self._silent + 1
        if self._silent >= self.patience and not self.hopeless:
            self.hopeless = f"{self._silent} tiles in a row stayed without an answer ({outcome.detail})"
        self._done.put_nowait(outcome)

    def fail(self, error: BaseException) -> None:
        """An error that is nobody's answer, such as an unreadable image: it ends the run."""
        self._error = self._error or error
        self._done.put_nowait(None)

    async def take(self, wait_s: float) -> list[Outcome]:
        """What has come back, after waiting for the first at most `wait_s`; raises what ended the run."""
        found = []
        try:
            found.append(await asyncio.wait_for(self._done.get(), wait_s))
            while True:
                found.append(self._done.get_nowait())
        except (TimeoutError, asyncio.QueueEmpty):
            pass
        if self._error is not None:
            raise self._error
        outcomes = [outcome for outcome in found if outcome is not None]
        self.left -= len(outcomes)
        return outcomes
