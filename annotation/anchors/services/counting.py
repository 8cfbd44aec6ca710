"""Counts a run of a generator: anchors, tokens, cost, and what is missing and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.anchors import engine_generators, selectors
from annotation.anchors.engine_generators import Choice, Outcome
from annotation.common.models import Job

NAMED = 20
REASONS = {
    "timeout": "no answer in time",
    "unreachable": "no connection",
    "rate_limited": "too many requests",
    "server_error": "the server failed",
    "refused": "refused",
    "bad_request": "the request was not taken",
    "junk": "an answer that is no anchor",
    "given_up": "not asked for after the endpoint stayed away",
}


@dataclass(frozen=True)
class AnchorCounts:
    """What a run did: anchors made, pairs already described, pairs left out because the map is incomplete there, tiles
    that stayed without an anchor (how many, why, and the first of them), tokens and what they cost."""

    made: int
    kept: int
    unmapped: int
    missing: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    missing_tiles: list[str] = field(default_factory=list)
    detail: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    currency: str = ""

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class Counting:
    """The counts of a run under way.

    Args:
        kept, wanted: pairs described before, and to be described now.
    """

    def __init__(self, choice: Choice, *, kept: int, wanted: int, job: Job | None) -> None:
        self.choice, self.kept, self.wanted, self.job = choice, kept, wanted, job
        self.made = self.seen = 0
        self.missing: Counter[str] = Counter()
        self.tiles: list[str] = []
        self.detail = ""
        before = selectors.tokens_of_job(job.pk) if job else (0, 0)
        self.tokens_in, self.tokens_out = before

    def add(self, outcomes: Sequence[Outcome], *, made: int) -> None:
        """Outcomes whose anchors have been stored."""
        self.made += made
        self.seen += len(outcomes)
        for outcome in outcomes:
            self.tokens_in += outcome.tokens_in or 0
            self.tokens_out += outcome.tokens_out or 0
            if outcome.anchor is None:
                self.missing[outcome.reason] += 1
                self.tiles += [f"{outcome.tile.z}/{outcome.tile.x}/{outcome.tile.y}"] if len(self.tiles) < NAMED else []
                if outcome.reason != "given_up" or not self.detail:
                    self.detail = outcome.detail

    @property
    def share(self) -> float:
        return self.seen / self.wanted if self.wanted else 1.0

    def reasons(self) -> str:
        """In words: how many tiles are missing for which reason, and the last detail."""
        told = ", ".join(f"{REASONS.get(reason, reason)} ({count})" for reason, count in self.missing.most_common())
        return f"{told}; {self.detail}" if self.detail else told

    def message(self) -> str:
        """One line for whoever watches."""
        whole = self.kept + self.wanted
        parts = [f"{self.kept + self.seen - self.missing.total()} of {whole} tiles described"]
        if self.missing:
            parts.append(f"{self.missing.total()} missing: {self.reasons()}")
        if self.tokens_in or self.tokens_out:
            parts.append(f"{self.tokens_in + self.tokens_out:,} tokens")
            price, currency = self._cost()
            if price:
                parts.append(f"{price:.2f} {currency}".strip())
        return ", ".join(parts)

    def counts(self, *, unmapped: int) -> AnchorCounts:
        """The result of the run."""
        price, currency = self._cost()
        return AnchorCounts(
            made=self.made,
            kept=self.kept,
            unmapped=unmapped,
            missing=self.missing.total(),
            reasons=dict(self.missing),
            missing_tiles=self.tiles,
            detail=self.detail[:300],
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            cost=round(price, 6),
            currency=currency,
        )

    def _cost(self) -> tuple[float, str]:
        return engine_generators.cost(self.choice, self.tokens_in, self.tokens_out)
