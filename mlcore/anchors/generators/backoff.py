"""How long to wait before asking again: exponential with full jitter, never shorter than the server asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random


def pause_s(attempt: int, *, first_s: float, longest_s: float, retry_after_s: float | None, random: Random) -> float:
    """Seconds to wait after the `attempt`-th failure (1, 2, ...).

    Without word from the server: uniform in [d/2, d] with d = first_s * 2^(attempt-1), at most longest_s. With a
    Retry-After: that long plus up to a tenth, at most longest_s.
    """
    if retry_after_s is not None:
        return min(retry_after_s * (1 + 0.1 * random.random()), longest_s)
    whole = min(first_s * 2 ** (attempt - 1), longest_s)
    return whole * (0.5 + 0.5 * random.random())


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds a Retry-After header asks for, given as seconds or as a date; None without one or with nonsense."""
    if not value or len(value) > 100:
        return None
    if value.strip().isascii() and value.strip().isdecimal():
        return float(min(int(value), 86400))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - (now or datetime.now(UTC))).total_seconds(), 0.0)
