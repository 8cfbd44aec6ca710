"""A region with any number of proposals of correspondences, some of them in batches, made by COPY.

Of a thousand proposals 300 are in one open batch (200 wait there, 100 are answered), 50 only passed the gate, 20 found
no match, and the rest waits in no batch. Those in the batch are the ones that chance explains best: whoever draws the
most uncertain comes by all of them. REPORTED more are answered in a batch of their own, a fifth of them twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import chain, islice
from typing import Any

from queue_rows import settled

REPORTED = 500
TWICE = 5
"""Of those reported, each so-and-so-many-th is answered by two people."""
POINTS = ((40.0, 50.0), (210.0, 190.0))
AT_ONCE = 5000
VERIFIED = "annotation.correspondences.migrations.0007_verified_places"
"""Whose statement has all that people stand by among the verified places."""
SHIFT = "shift\t[2.0, -1.0]\t[[0.01, 0.0], [0.0, 0.01]]"
NONE = "\t\\N\t\\N"
TABLES = {
    "tiles_tile": "id, region_id, z, x, y, geometry",
    "tiles_tilepair": "id, tile_id, imagery_id, snapshot_id, valid_share, mapped, buildings",
    "correspondences_correspondences": (
        "id, created_at, region_id, pair_id, matcher, matcher_digest, transform_kind, transform_parameters, "
        "transform_covariance, inliers, needed_inliers, log10_nfa, rmse_m, refused, passed_gate, state, queued, "
        "final_kind, final_parameters, final_covariance, final_fit_rmse_m"
    ),
    "correspondences_controlpoint": (
        "correspondences_id, corrected, number, map_x, map_y, image_x, image_y, confidence, origin, role, enabled"
    ),
    "review_queueitem": (
        "id, created_at, stage, scope_id, kind, priority, batch_id, subject_id, state, decision, decided_by_id, "
        "decided_at, version, lease_token"
    ),
    "correspondences_correspondencesreview": "item_id, correspondences_id",
    "review_verdict": (
        "item_id, reviewer_id, event, decision, reason, comment, payload, seconds, item_version, idempotency_key, at"
    ),
}

RULES = """
WITH named AS (SELECT oid, relname::text AS name FROM pg_class WHERE relname = ANY(%(tables)s) AND relkind = 'r')
SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', name, conname),
       format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s', name, conname, pg_get_constraintdef(rule.oid))
FROM pg_constraint AS rule JOIN named ON named.oid = conrelid WHERE contype IN ('f', 'u')
UNION ALL
SELECT format('DROP INDEX %%I', relname), pg_get_indexdef(indexrelid)
FROM pg_index JOIN named ON named.oid = indrelid JOIN pg_class ON pg_class.oid = indexrelid
WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""


@dataclass(frozen=True)
class Filled:
    """The region, its open batch, and the one whose report is read."""

    region: int
    batch: int
    reported: int


@dataclass(frozen=True)
class Made:
    """One proposal: its decision where it is answered, and the batch it is in."""

    number: int
    decision: str = ""
    batch: int | None = None
    gate: bool = False
    matched: bool = True

    @property
    def state(self) -> str:
        stands = {"accept": "verified", "adjust": "corrected", "reject": "rejected"}
        return "verified" if self.gate else stands.get(self.decision, "proposed")


@dataclass(frozen=True)
class Item:
    """One answer asked for on a proposal."""

    id: int
    made: Made
    person: int


def filled(proposals: int) -> Filled:
    """So many proposals and REPORTED more, on as many tiles, in a new region."""
    from django.db import connection

    from annotation.review.services.counts import fold
    from tests.factories import ImageryFactory, RegionFactory, SnapshotFactory, UserFactory

    region = RegionFactory(open_to_all=True)
    imagery, snapshot = ImageryFactory(region=region), SnapshotFactory(region=region)
    people = [user.pk for user in UserFactory.create_batch(8)]
    batch, reported = _batch(region, "all", 300 * proposals // 1000), _batch(region, "random", REPORTED)
    first = {table: _next(table) for table in TABLES if table != "correspondences_correspondencesreview"}
    tile, pair = first["tiles_tile"], first["tiles_tilepair"]
    row, item = first["correspondences_correspondences"], first["review_queueitem"]

    def made() -> Iterator[Made]:
        return chain(
            (_made(number, batch) for number in range(proposals)),
            (Made(proposals + number, _said(number), reported) for number in range(REPORTED)),
        )

    def items() -> Iterator[Item]:
        several = (one for one in made() for _ in range(1 + _twice(one, reported)) if one.batch)
        return (Item(item + at, one, people[at % len(people)]) for at, one in enumerate(several))

    def add(table: str, lines: Iterable[str]) -> None:
        copied(table, TABLES[table], lines)

    with bare(TABLES):
        add("tiles_tile", (f"{tile + one.number}\t{region.pk}\t{_place(one.number)}" for one in made()))
        shown = f"{imagery.pk}\t{snapshot.pk}\t1\tt\t3"
        add("tiles_tilepair", (f"{pair + one.number}\t{tile + one.number}\t{shown}" for one in made()))
        add("correspondences_correspondences", (_proposal(one, row, region.pk, pair) for one in made()))
        add("correspondences_controlpoint", (_points(row + one.number) for one in made() if one.matched))
        add("review_queueitem", (_item(one, row, region.pk) for one in items()))
        add("correspondences_correspondencesreview", (f"{one.id}\t{row + one.made.number}" for one in items()))
        add("review_verdict", (_verdict(one) for one in items() if one.made.decision))
    with connection.cursor() as cursor:
        cursor.execute(import_module(VERIFIED).FILL)
    _ready(("tiles_tile", "tiles_tilepair", "correspondences_correspondences", "review_queueitem"))
    fold()
    return Filled(region.pk, batch, reported)


@contextmanager
def bare(tables: Iterable[str]) -> Iterator[None]:
    """Without foreign keys and indexes but primary ones, which are made in one go afterwards."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(RULES, {"tables": list(tables)})
        rules = cursor.fetchall()
        for drop, _ in rules:
            cursor.execute(drop)
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, make in reversed(rules):
            cursor.execute(make)


def copied(table: str, columns: str, lines: Iterable[str]) -> None:
    """Append rows to a table, each a line as COPY reads it."""
    from django.db import connection

    lines = iter(lines)
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as pieces:
        while some := list(islice(lines, AT_ONCE)):
            pieces.write("\n".join(some) + "\n")


def _made(number: int, batch: int) -> Made:
    part = number * 7919 % 1000
    if part < 300:
        decision = "" if part < 200 else "accept" if part < 270 else "adjust" if part < 280 else "reject"
        return Made(number, decision, batch)
    return Made(number, gate=part < 350, matched=not 350 <= part < 370)


def _said(number: int) -> str:
    return "reject" if number % 10 == 0 else "adjust" if number % 10 < 3 else "accept"


def _twice(one: Made, reported: int) -> bool:
    return one.batch == reported and one.number % TWICE == 0


def _place(number: int) -> str:
    """z, x, y and outline of the tile, a thousand in a row."""
    from tests.factories import ORIGIN, ZOOM

    x, y = ORIGIN.x + number % 1000, ORIGIN.y + number // 1000
    (west, east), (south, north) = _column(x), _row(y)
    ring = f"{west} {south},{east} {south},{east} {north},{west} {north},{west} {south}"
    return f"{ZOOM}\t{x}\t{y}\tSRID=4326;POLYGON(({ring}))"


@cache
def _column(x: int) -> tuple[float, float]:
    west, _, east, _ = _bounds(x, 0)
    return west, east


@cache
def _row(y: int) -> tuple[float, float]:
    _, south, _, north = _bounds(0, y)
    return south, north


def _bounds(x: int, y: int) -> tuple[float, float, float, float]:
    from mlcore.geometry.webmercator import TileAddress
    from tests.factories import ZOOM

    return TileAddress(ZOOM, x, y).bounds_lonlat


def _proposal(one: Made, row: int, region: int, pair: int) -> str:
    unsure = -3.0 if one.batch else -10.0
    nfa = unsure - one.number * 7919 % 100_003 / 20_000
    matcher = "structure\tshipped" if one.number % 10 else "sift\topencv"
    about = f"{SHIFT}\t12\t5\t{nfa}\t0.4\t" if one.matched else f"{NONE}\t0\t5\t\\N\t\\N\t3 points are too few"
    final = f"{SHIFT}\t0.3" if one.decision == "adjust" else f"{NONE}\t\\N"
    gate = "t" if one.gate else "f"
    stands = f"{gate}\t{one.state}\t{'t' if one.batch and not one.decision else 'f'}"
    return f"{row + one.number}\tnow\t{region}\t{pair + one.number}\t{matcher}\t{about}\t{stands}\t{final}"


def _points(row: int) -> str:
    return "\n".join(
        f"{row}\tf\t{number}\t{x}\t{y}\t{x + 2}\t{y - 1}\t0.9\tauto\tfit\tt"
        for number, (x, y) in enumerate(POINTS, start=1)
    )


def _item(one: Item, row: int, region: int) -> str:
    subject = row + one.made.number
    decision = one.made.decision
    said = f"decided\t{decision}\t{one.person}\tnow\t1" if decision else "open\t\t\\N\t\\N\t0"
    priority = -float(one.made.number)
    return f"{one.id}\tnow\tcorrespondences\t{region}\t\t{priority}\t{one.made.batch}\t{subject}\t{said}\t0"


def _verdict(one: Item) -> str:
    decision = one.made.decision
    reason = "wrong_transform" if decision == "reject" else ""
    payload = _payload() if decision == "adjust" else "{}"
    key = f"00000000-0000-0000-0000-{one.id:012x}"
    return f"{one.id}\t{one.person}\tdecide\t{decision}\t{reason}\t\t{payload}\t3.0\t1\t{key}\tnow"


@cache
def _payload() -> str:
    from tests.factories_correspondences import PROPOSED, points_by

    return json.dumps({"transform": "shift", "points": points_by(PROPOSED)})


def _batch(region: Any, plan: str, size: int) -> int:
    from annotation.review.models import Batch

    return Batch.objects.create(stage="correspondences", scope_id=region.pk, name=plan, plan=plan, size=size).pk


def _next(table: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")
        return int(cursor.fetchone()[0])


def _ready(tables: Iterable[str]) -> None:
    """Let further ids come after those given, and have all of it on the disk with its statistics."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        cursor.execute("VACUUM ANALYZE")
        settled(cursor)
