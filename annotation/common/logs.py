"""Lines of the log: which request, person and job each is about, as JSON where wished, without secrets."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

HIDDEN = "***"
SHORTEST_SECRET = 8
SECRET_NAMES = re.compile(r"(KEY|SECRET|PASSWORD|TOKEN)$")
SHOWN = (
    # name=value and "name": "value" of whatever is named like a secret
    re.compile(r"(?i)((?:password|passwd|secret|token|api[-_]?key|signature|sessionid|csrftoken)[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,;}]+"),
    re.compile(r"(?i)((?:authorization|cookie)[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+"),
    re.compile(r"(?i)(\b(?:bearer|token)\s+)[\w.~+/=-]{12,}"),
    re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+(?=@)"),
    # addresses that open what they name, as Django writes them of answers that failed
    re.compile(r"(/(?:feeds|digest|api/links)/)(?!<)[^\s/\"']+"),
)  # fmt: skip
Told = str | int | Callable[[], str | int | None] | None
_about: ContextVar[dict[str, Told]] = ContextVar("about", default={})  # noqa: B039 - never changed in place


@contextmanager
def about(**told: Told) -> Iterator[None]:
    """Every line written within says that it is about these; a callable is asked when a line is written."""
    before = _about.set({**_about.get(), **told})
    try:
        yield
    finally:
        _about.reset(before)


def what_about() -> dict[str, str | int]:
    """What lines written now are about."""
    known = {name: one() if callable(one) else one for name, one in _about.get().items()}
    return {name: one for name, one in known.items() if one is not None}


class Lines(logging.Formatter):
    """Plain lines for people, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line, for programs that collect logs.

    Fields: time (UTC), level, logger, message; request, user, job and kind where known; error with the traceback;
    and whatever the writer gave as `extra={"told": {...}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **what_about(),
            **{name: _shown(one) for name, one in getattr(record, "told", {}).items()},
        }
        if record.exc_info:
            line["error"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, default=lambda one: without_secrets(str(one)))


def _shown(told: Any) -> Any:
    return without_secrets(told) if isinstance(told, str) else told


def without_secrets(text: str) -> str:
    """The text without what this process was given as a secret, and without what is named like one."""
    for secret in _given_secrets():
        text = text.replace(secret, HIDDEN)
    for shown in SHOWN:
        text = shown.sub(rf"\g<1>{HIDDEN}", text)
    return text


@cache
def _given_secrets() -> tuple[str, ...]:
    """Values of the environment and the settings that are secrets, the longest first."""
    found = {value for name, value in os.environ.items() if SECRET_NAMES.search(name)}
    from django.conf import settings

    if settings.configured:
        password = str(settings.DATABASES["default"]["PASSWORD"])
        found.update((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, password))
    return tuple(sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True))
