"""What is asked for, where one may look, and what is answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotation.accounts.models import User
from annotation.landmarks import engine, selectors
from annotation.sources.models import Region
from annotation.sources.selectors import visible_regions

NOTHING_READ = (
    "no tile can be searched yet: an editor has them read in on the page of a region's landmarks, or an administrator "
    "by manage.py update_search"
)
GONE = "the model that read the tiles is gone: have the search updated on the page of a region's landmarks"


@dataclass(frozen=True)
class Position:
    """Where a query lies or was taken, in degrees, and where it looks."""

    lon: float
    lat: float
    direction_deg: float | None = None

    @property
    def lonlat(self) -> tuple[float, float]:
        return self.lon, self.lat


@dataclass(frozen=True)
class Wish:
    """What a search is narrowed to; None: not by this. `anyway`: the likest, also where the query means nothing."""

    region: Region | None = None
    bbox: tuple[float, float, float, float] | None = None
    score_min: float | None = None
    score_max: float | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    count: int = 24
    anyway: bool = False

    @property
    def narrowed(self) -> engine.Narrowed:
        """The same as the index takes it."""
        days = None
        if self.date_from is not None or self.date_to is not None:
            days = (_day(self.date_from, -np.inf), _day(self.date_to, np.inf))
        return engine.Narrowed(self.bbox, self.score_min, self.score_max, days)

    def fits(self, score: float | None, captured_on: dt.date | None) -> bool:
        """Whether a tile fits by what is known of it now: the index may lag behind."""
        if self.score_min is not None and (score is None or score < self.score_min):
            return False
        if self.score_max is not None and (score is None or score > self.score_max):
            return False
        if self.date_from is not None and (captured_on is None or captured_on < self.date_from):
            return False
        return self.date_to is None or (captured_on is not None and captured_on <= self.date_to)


@dataclass
class Answer:
    """What was found; `meant` is False where the query means nothing here, and `why_not` says why.

    Attributes:
        below: even the likest tile is less like the query than what means anything here.
    """

    kind: str
    meant: bool = False
    below: bool = False
    why_not: str = ""
    model: str = ""
    position: Position | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    landmarks: list[dict[str, Any]] = field(default_factory=list)


class Ground:
    """Where a person may look: the index that serves, and the regions that they may see.

    Attributes:
        index: None while nothing was read.
        regions: ids of all that may be found in, and no others.
        named: what finds, in words.
    """

    def __init__(self, user: User, wish: Wish) -> None:
        self.user, self.wish = user, wish
        row = selectors.index_serving()
        self._digest = row.model_digest if row is not None else ""
        self.index = engine.index_folder(row) if row is not None else None
        self.named = "" if row is None else f"model {row.model_id}" if row.model_id else "the model that ships"
        regions = visible_regions(user)
        if wish.region is not None:
            regions = regions.filter(pk=wish.region.pk)
        self.regions: list[int] = list(regions.order_by("pk").values_list("pk", flat=True))

    def ready(self) -> tuple[engine.IndexFolder, engine.LandmarkModel] | str:
        """The index with the model that made it; else why nothing can be searched."""
        if self.index is None:
            return NOTHING_READ
        weights = engine.weights_of(self._digest)
        return GONE if weights is None else (self.index, engine.loaded(weights))


def _day(on: dt.date | None, otherwise: float) -> float:
    return otherwise if on is None else float(np.datetime64(on, "D").astype(int))
