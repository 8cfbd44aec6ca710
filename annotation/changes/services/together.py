"""Several answers in one transaction: what can't be given is left out with its reason, and the rest stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from annotation.common.errors import DomainError

REASONS = {
    "already_decided": "decided",
    "lease_lost": "held",
    "not_allowed": "flagged",
    "not_decided": "changed",
    "outdated": "changed",
    "version_conflict": "changed",
    "withdrawn": "withdrawn",
    "exported": "exported",
    "invalid": "shape",
}
"""Why one of them stays, by the code of the error that the queue's own rules raise."""
HELD = "somebody else has it on their screen"


def tried(
    done: list[dict[str, Any]], left_out: list[dict[str, Any]], item: int, act: Callable[[], dict[str, Any]]
) -> None:
    """Do it for one suggestion, or undo what was begun of it and keep the reason."""
    try:
        with transaction.atomic():
            done.append({"item": item, **act()})
    except DomainError as error:
        reason = REASONS.get(error.code, "refused")
        left_out.append({"item": item, "reason": reason, "detail": HELD if reason == "held" else error.detail})
