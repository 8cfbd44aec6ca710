"""Whether the map's server has a suggestion's building in a newer state: asked by itself where uploads are on.

A page asks once it is drawn, and an accept looks at what is known or has a worker ask. An answer is kept for some
minutes, by building; a server that fails or asks to wait is left alone for a while, and so is one that was asked often
enough in this minute. Nothing here keeps anybody from going on: what is not known is told as unknown.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from annotation.changes.models import Change, ChangeDecision
from annotation.common.errors import DomainError
from annotation.edits import selectors
from annotation.edits.engine import MapServer, OsmApi
from annotation.edits.errors import NoAnswerError, NotRebasedError, ServerError
from annotation.edits.models import Changeset, EditItem
from annotation.edits.services.three_way import Seen, as_edit, on_server
from annotation.edits.services.uploads.accounts import server_in_use
from annotation.edits.states import base_state, from_json, to_json
from annotation.review.models import QueueItem, Verdict, VerdictEvent

logger = logging.getLogger(__name__)
TASK = "annotation.edits.tasks.ask_map_server"
KEPT_S = 600
ODD_S = 120
"""How long an answer that can't be drawn is kept."""
QUIET_S = 60
"""How long a server that gave no answer is left alone, unless it asks for longer."""
LONGEST_QUIET_S = 3600
ANSWER_S = 2.0
A_MINUTE = 60
"""Questions to the server in a minute, of everybody together."""
OFF, SAME, NEWER, UNKNOWN = "off", "same", "newer", "unknown"
STATES = (OFF, SAME, NEWER, UNKNOWN)


@dataclass(frozen=True)
class Freshness:
    """What is known of a building on the map's server.

    Attributes:
        state: `off`: nothing is asked here, or not of this building; `unknown`: `detail` says why.
        asked_at: when the server was asked.
    """

    state: str
    detail: str = ""
    asked_at: datetime | None = None


def of_change(change: Change) -> Freshness:
    """What the server says of the suggestion's building; it is asked where nothing is known and it may be asked."""
    server = _server()
    item = as_edit(change)
    if server is None or not _is_there(item):
        return Freshness(OFF)
    return _told(item, _known(server, item) or _ask(server, item))


def seen(change: Change) -> Seen:
    """The state on the server that a person compares the suggestion with.

    Raises:
        UploadOffError, ServerAddressError: no server is named here.
        NotRebasedError: it is no building of OSM, or can't be drawn as the server has it.
        NoAnswerError: the server is not asked at the moment, or gives no answer.
    """
    server, item = server_in_use(), as_edit(change)
    known = (_known(server, item) or _ask(server, item)) if _is_there(item) else {}
    if "state" in known:
        return Seen(from_json(known["state"]) if known["state"] is not None else None)
    if "odd" in known or not known:
        raise NotRebasedError(known.get("odd", "the map's server knows buildings by their OSM id alone"))
    raise NoAnswerError(known["silent"])


def decided(item: QueueItem, verdict: Verdict) -> None:
    """An accept whose building nobody has asked about of late: a worker asks, so that a page finds the answer."""
    if verdict.event != VerdictEvent.DECIDE or verdict.decision != ChangeDecision.ACCEPT:
        return
    server = _server()
    if server is None or cache.get(_quiet(server)) is not None:
        return
    change = Change.objects.select_related("footprint").filter(item=item, footprint__osm_id__gt=0).first()
    if change is not None and _known(server, as_edit(change)) is None:
        transaction.on_commit(lambda: _enqueue(change.pk), robust=True)


def newer_of(changeset: Changeset) -> list[int]:
    """Edits of a changeset whose building is known to be newer on the server; nothing is asked."""
    server = _server()
    if server is None:
        return []
    items = {_key(server, item): item for item in selectors.items_of(changeset) if _is_there(item)}
    known = cache.get_many(items)
    return [items[key].change_id for key in items if key in known and _told(items[key], known[key]).state == NEWER]


def _enqueue(change_id: int) -> None:
    current_app.send_task(TASK, args=[change_id], expires=KEPT_S, retry=False)


def _server() -> MapServer | None:
    try:
        return server_in_use()
    except DomainError:
        return None


def _is_there(item: EditItem) -> bool:
    base = base_state(item)
    return base is not None and base.osm_type in {"way", "relation"} and (base.osm_id or 0) > 0


def _key(server: MapServer, item: EditItem) -> str:
    """By the state that it is compared with: what a server does not say is taken from there."""
    base = base_state(item)
    about = f"{server.api_url} {base.key if base else ''} {base.digest if base else ''}"
    return f"osm-state:{hashlib.sha256(about.encode()).hexdigest()[:32]}"


def _quiet(server: MapServer) -> str:
    return f"osm-quiet:{hashlib.sha256(server.api_url.encode()).hexdigest()[:16]}"


def _known(server: MapServer, item: EditItem) -> dict[str, Any] | None:
    return cache.get(_key(server, item))


def _ask(server: MapServer, item: EditItem) -> dict[str, Any]:
    """One question, if it may be asked now; its answer is kept."""
    waits = cache.get(_quiet(server))
    if waits is not None:
        return {"silent": waits}
    minute = f"{_quiet(server)}:{int(time.time() // 60)}"
    cache.add(minute, 0, 120)
    if cache.incr(minute) > A_MINUTE:
        return {"silent": "the map's server was asked often enough in this minute"}
    key = _key(server, item)
    if not cache.add(f"{key}:asking", 1, 10):
        return {"silent": "the map's server is being asked"}
    told: dict[str, Any] = {"at": timezone.now().isoformat()}
    try:
        there = on_server(item, OsmApi(server, answer_s=ANSWER_S))
        told["state"] = to_json(there.state) if there.state is not None else None
        cache.set(key, told, KEPT_S)
    except NotRebasedError as error:
        told["odd"] = error.detail
        cache.set(key, told, ODD_S)
    except DomainError as error:
        wait_s = (error.retry_after_s if isinstance(error, ServerError) else None) or QUIET_S
        cache.set(_quiet(server), error.detail, min(max(wait_s, QUIET_S), LONGEST_QUIET_S))
        logger.info("the map's server was not asked about %s: %s", key, error)
        return {"silent": error.detail}
    finally:
        cache.delete(f"{key}:asking")
    return told


def _told(item: EditItem, known: dict[str, Any]) -> Freshness:
    if "silent" in known:
        return Freshness(UNKNOWN, known["silent"])
    at = datetime.fromisoformat(known["at"])
    if "odd" in known:
        return Freshness(UNKNOWN, known["odd"], at)
    their = from_json(known["state"]) if known["state"] is not None else None
    conflict = selectors.conflict_with(item, their)
    return Freshness(SAME, "", at) if conflict is None else Freshness(NEWER, _words(conflict), at)


def _words(conflict: selectors.Conflict) -> str:
    return "It is gone there." if conflict.code == "gone" else f"{conflict.detail}."


def ask(change_ids: Sequence[int]) -> None:
    """Ask about the buildings of these suggestions, as far as the server may be asked now."""
    for change in Change.objects.filter(pk__in=change_ids).select_related("footprint", "merged", "scan"):
        of_change(change)
