"""The API 0.6 as an upload needs it: each call is one request that says what a refusal means; nothing is retried."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NoReturn
from xml.sax.saxutils import quoteattr

from annotation.edits.engine import answers
from annotation.edits.engine.answers import Comment, Limits, Listed, Person, Present, Receipt, Written
from annotation.edits.engine.server import MOST_CHANGE_BYTES, UPLOAD_S, MapServer, Reply, send
from annotation.edits.errors import (
    BusyServerError,
    ChangesetClosedError,
    MapConflictError,
    NoAnswerError,
    RefusedByServerError,
    SignedOutError,
)
from annotation.edits.osmchange.write import clean

MISMATCH = re.compile(r"Version mismatch: Provided (\d+), server had: (\d+) of (Node|Way|Relation) (\d+)", re.I)
CLOSED = re.compile(r"changeset \d+ was closed", re.I)
NAMED = re.compile(r"\b(node|way|relation)s? (?:with (?:the )?id )?#?(\d+)", re.I)
ANEW = "drop this edit, or import a newer map and decide anew"
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
A_PAGE = 100
"""Changesets that the API lists at once."""
MISSING = re.compile(r"requires the (node|way|relation)s? with id in \(?(\d+)", re.I)
"""With and without the bracket: the web site's own server writes one, CGImap, which serves openstreetmap.org, none."""


class OsmApi:
    """One person's access to one server.

    Args:
        answer_s: how long an answer is waited for; None: as long as each request may take.
    """

    def __init__(self, server: MapServer, token: str = "", *, answer_s: float | None = None) -> None:
        self.server, self._token, self._answer_s = server, token, answer_s

    def limits(self) -> Limits:
        """What the server takes at once."""
        return answers.parse_limits(self._ask("GET", "/api/capabilities"))

    def person(self) -> Person:
        """Whose token it is."""
        return answers.parse_person(self._ask("GET", "/api/0.6/user/details"))

    def open(self, tags: Mapping[str, str]) -> int:
        """Open a changeset; its number."""
        listed = "".join(f"<tag k={quoteattr(clean(key))} v={quoteattr(clean(tags[key]))}/>" for key in tags)
        told = self._ask("PUT", "/api/0.6/changeset/create", f"<osm><changeset>{listed}</changeset></osm>".encode())
        if not told.strip().isdigit():
            raise NoAnswerError("the server did not say which changeset it opened")
        return int(told)

    def find(self, person: int, since: datetime, key: str, value: str) -> list[Listed]:
        """This person's changesets that are open, or closed only after `since`, whose tag `key` begins with `value`."""
        listed: dict[int, Listed] = {}
        until = ""
        while True:
            told = self._ask("GET", f"/api/0.6/changesets?user={person}&time={since:{MOMENT}}{until}")
            page = answers.parse_changesets(told)
            older = {one.id: one for one in page if one.id not in listed}
            listed |= older
            if len(page) < A_PAGE or not older:
                return [one for one in listed.values() if one.tags.get(key, "").startswith(value)]
            oldest = min(one.created_at for one in page)
            until = f",{oldest + timedelta(seconds=1):{MOMENT}}"  # others of the same second as well

    def changeset(self, number: int) -> Listed | None:
        """What the server says of a changeset; None where it knows none of this number. Open to everybody."""
        reply = self._send("GET", f"/api/0.6/changeset/{number}")
        if reply.status == 404:
            return None
        found = answers.parse_changesets(_good(reply))
        if not found:
            raise NoAnswerError(f"the server says nothing of changeset {number}")
        return found[0]

    def upload(self, changeset: int, change: bytes) -> list[Receipt]:
        """Send an osmChange, which takes effect as a whole or not at all; its receipts.

        Raises:
            NoAnswerError: whether it took effect is unknown: read back before anything is sent again.
        """
        path = f"/api/0.6/changeset/{changeset}/upload"
        told = self._ask("POST", path, change, answer_s=UPLOAD_S, most_bytes=MOST_CHANGE_BYTES)
        return answers.parse_result(told)

    def contents(self, changeset: int) -> list[Written]:
        """What the changeset did to the map so far.

        Raises:
            NoAnswerError: as well where the server does not know a changeset that it numbered itself: a copy that is
                behind, or something else before it, answers so, and nothing may be concluded.
        """
        reply = self._send("GET", f"/api/0.6/changeset/{changeset}/download", most_bytes=MOST_CHANGE_BYTES)
        _known(reply, changeset)
        return answers.parse_change(_good(reply))

    def elements(self, kind: str, wanted: Sequence[str]) -> list[Present]:
        """Elements of one kind in one request: `12` as it is now, deleted ones too, or `12v3` as it was."""
        return answers.parse_elements(
            self._ask("GET", f"/api/0.6/{kind}s?{kind}s={','.join(wanted)}", most_bytes=MOST_CHANGE_BYTES)
        )

    def comments(self, changeset: int) -> list[Comment]:
        """What people said of a changeset."""
        return answers.parse_comments(self._ask("GET", f"/api/0.6/changeset/{changeset}?include_discussion=true"))

    def way(self, number: int) -> list[Written]:
        """A way and its nodes as they are now; empty where it is deleted, or was never there. Open to everybody."""
        reply = self._send("GET", f"/api/0.6/way/{number}/full")
        return [] if reply.status in {404, 410} else answers.parse_written(_good(reply))

    def relation(self, number: int) -> list[Written]:
        """A relation, its member ways and all their nodes; else as `way`."""
        reply = self._send("GET", f"/api/0.6/relation/{number}/full", most_bytes=MOST_CHANGE_BYTES)
        return [] if reply.status in {404, 410} else answers.parse_written(_good(reply))

    def close(self, changeset: int, *, or_unknown: bool = False) -> None:
        """Close the changeset, or find it closed: it takes no edits from now on.

        Args:
            or_unknown: nothing depends on it any more: one that the server does not know is as good as closed.

        Raises:
            NoAnswerError: it may still be open.
        """
        reply = self._send("PUT", f"/api/0.6/changeset/{changeset}/close")
        if reply.status == 409 and CLOSED.search(reply.text):
            return
        if not or_unknown:
            _known(reply, changeset)
        elif reply.status == 404:
            return
        _good(reply)

    def _ask(self, method: str, path: str, body: bytes = b"", **limits: float) -> bytes:
        return _good(self._send(method, path, body, **limits))

    def _send(self, method: str, path: str, body: bytes = b"", **limits: float) -> Reply:
        token = "" if path.endswith("/capabilities") else self._token
        if self._answer_s is not None:
            limits["answer_s"] = self._answer_s
        return send(self.server, method, self.server.api_url + path, body=body, token=token, **limits)  # type: ignore[arg-type]


def _known(reply: Reply, changeset: int) -> None:
    if reply.status == 404:
        raise NoAnswerError(f"the server says that it does not know changeset {changeset}, which it numbered itself")


def _good(reply: Reply) -> bytes:
    if reply.status != 200:
        refused(reply)
    return reply.body


def refused(reply: Reply) -> NoReturn:
    """Raise what an answer other than 200 means for what was asked."""
    status, text = reply.status, reply.text
    said = f"the server answers {status}{f': {text}' if text else ''}"
    if status == 401:
        raise SignedOutError("the map's server does not know this sign-in any more: sign in there again, then go on")
    if status == 403:
        raise SignedOutError(
            f"{said}: your account may not do this; look there whether it is blocked, or sign in again"
        )
    if status in {429, 509}:
        raise BusyServerError(f"{said}: it asks to wait", retry_after_s=reply.retry_after_s)
    if status >= 500 or status in {408, 425}:
        raise NoAnswerError(said, retry_after_s=reply.retry_after_s)
    if status == 409 and CLOSED.search(text):
        raise ChangesetClosedError(f"{said}: it is opened anew")
    if status == 409 and (found := MISMATCH.search(text)):
        key = f"{found[3].lower()}/{found[4]}"
        raise MapConflictError(
            f"on the server {key} is at version {found[2]} by now, this edit is based on {found[1]}: {ANEW}",
            reason="newer_version", key=key, ours=int(found[1]), theirs=int(found[2]),
        )  # fmt: skip
    found = MISSING.search(text) or NAMED.search(text)
    if status in {404, 410, 412} and found:
        reason = "in_use" if status == 412 else "gone"
        raise MapConflictError(f"{text}: {ANEW}", reason=reason, key=f"{found[1].lower()}/{found[2]}")
    if 300 <= status < 400:
        raise RefusedByServerError(f"{said}: redirects are not followed, an administrator gives the final address")
    raise RefusedByServerError(f"{said}: nothing of it was taken")
