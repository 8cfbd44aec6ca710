"""Queues of any length, made inside the database."""

from __future__ import annotations

from typing import Any

FILL_ITEMS = """
INSERT INTO review_queueitem
    (created_at, stage, scope_id, priority, state, decision, decided_by_id, decided_at, version, lease_token)
SELECT now() - n * interval '1 millisecond', 'changes', %(region)s, (n * 7919::bigint %% 100003) / 100003.0,
       CASE WHEN n %% 10 = 0 THEN 'decided' ELSE 'open' END,
       CASE WHEN n %% 10 = 0 THEN (ARRAY['accept', 'reject'])[1 + n / 10 %% 2] ELSE '' END,
       CASE WHEN n %% 10 = 0 THEN %(user)s END, CASE WHEN n %% 10 = 0 THEN now() - n * interval '1 second' END,
       CASE WHEN n %% 10 = 0 THEN 1 ELSE 0 END, 0
FROM generate_series(1, %(items)s) AS n
"""
"""A tenth answered; as rows lie in every version of the code, but for the columns that later ones add."""
KIND = """(ARRAY['add', 'remove', 'modify', 'shifted'])[
    1 + (n %% 1000 > 600)::int + (n %% 1000 > 750)::int + (n %% 1000 > 880)::int]"""
SHAPE = """ST_SetSRID(ST_MakeEnvelope(
    24 + id %% 1000 / 1e4, 60 + id / 1000 / 1e4, 24 + id %% 1000 / 1e4 + 5e-5, 60 + id / 1000 / 1e4 + 5e-5), 4326)"""
AT = "(id * 611953::bigint %% 1000003)"
SIDE = "(2e-5 + id * 7919::bigint %% 997 * 6e-8)"
SIZED = f"""ST_SetSRID(ST_MakeEnvelope(
    24 + {AT} %% 1000 / 1e4, 60 + {AT} / 1000 / 1e4,
    24 + {AT} %% 1000 / 1e4 + {SIDE}, 60 + {AT} / 1000 / 1e4 + {SIDE}), 4326)"""
"""Sizes from next to nothing to 9 m, and kinds, all over the place; what lies side by side is stored far apart."""
TAGS = """CASE WHEN kind = 'add' THEN '{}'::jsonb WHEN id %% 1000 = 999 THEN '{"building": "school"}'::jsonb
    ELSE '{"building": "yes"}'::jsonb END"""
WITH_KIND = FILL_ITEMS.replace("scope_id, priority", "scope_id, kind, origin_id, priority")
FILL_CHANGES = f"""
WITH made AS ({WITH_KIND.replace("%(region)s, (n", f"%(region)s, {KIND}, %(scan)s, (n")}
    RETURNING id, kind, origin_id, priority)
INSERT INTO changes_change
    (created_at, scan_id, item_id, pair_id, kind, object_id, footprint_id, geometry, confidence, evidence, fingerprint,
     tags)
SELECT now(), origin_id, id, %(pair)s, kind, %(object)s, %(footprint)s, {SIZED}, priority,
       '{{"area_m2": 120.0}}', md5(id::text), {TAGS}
FROM made
"""
ZOOM = 19
X_OF = "floor(({lon} + 180) / 360 * 2 ^ 19)::int"
Y_OF = "floor((1 - asinh(tan(radians({lat}))) / pi()) / 2 * 2 ^ 19)::int"
HERE = AT.replace("id", "made.id")
TILES = f"""
WITH made AS (
    INSERT INTO tiles_tile (region_id, z, x, y, geometry)
    SELECT %(region)s, {ZOOM}, x, y, ST_Transform(ST_TileEnvelope({ZOOM}, x, y), 4326)
    FROM generate_series({X_OF.format(lon="24.0")}, {X_OF.format(lon="24.1")}) AS x,
         generate_series({Y_OF.format(lat="60.1")}, {Y_OF.format(lat="60.0")}) AS y
    RETURNING id
)
INSERT INTO tiles_tilepair (tile_id, imagery_id, snapshot_id, valid_share, mapped, buildings)
SELECT id, %(imagery)s, %(snapshot)s, 1, true, 1 FROM made
"""
PAIR = f"""(SELECT pair.id FROM tiles_tilepair AS pair JOIN tiles_tile AS tile ON tile.id = pair.tile_id
    WHERE tile.region_id = %(region)s AND tile.z = {ZOOM} AND pair.imagery_id = %(imagery)s
      AND tile.x = {X_OF.format(lon=f"(24 + {HERE} %% 1000 / 1e4 + 1e-5)")}
      AND tile.y = {Y_OF.format(lat=f"(60 + {HERE} / 1000 / 1e4 + 1e-5)")})"""
SCANS = "(%(scans)s::bigint[])[CASE WHEN n %% 1000 = 7 THEN 3 WHEN n %% 10 = 3 THEN 2 ELSE 1 END]"
FILL_VARIED = (
    FILL_CHANGES.replace("'1 millisecond'", "'1 minute'").replace("%(scan)s", SCANS).replace("%(pair)s", PAIR)
    .replace('{"building": "yes"}', '{"building": "yes", "source": "survey"}')
)  # fmt: skip
"""The same over two years, each on its tile, by three scans: of a thousandth and a tenth of all beside the newest."""
EXPORT = """
INSERT INTO edits_edititem (changeset_id, change_id, object_id, node_versions, demolish)
SELECT %(changeset)s, change.id, change.object_id, '{}', false FROM changes_change AS change
JOIN review_queueitem AS item ON item.id = change.item_id
WHERE change.scan_id = ANY(%(scans)s) AND item.decision = 'accept'
"""
FILL_CHANGES_BEFORE = f"""
WITH made AS ({FILL_ITEMS} RETURNING id, priority)
INSERT INTO changes_change
    (created_at, scan_id, item_id, pair_id, kind, footprint_id, geometry, confidence, evidence, fingerprint)
SELECT now(), %(scan)s, id, %(pair)s, 'modify', %(footprint)s, {SHAPE}, priority,
       '{{"area_m2": 120.0}}', md5(id::text)
FROM made
"""


CAPTURED_EARLIER = ("2015-06-01", "2010-06-01")


def filled(items: int, statement: str) -> int:
    """A region with a scan of `items` candidates, a tenth of them answered, the accepted ones exported; its id."""
    from django.db import connection

    from annotation.edits.models import Changeset
    from tests.factories import FootprintFactory, RegionFactory, UserFactory
    from tests.factories_changes import ModelVersionFactory, ScanFactory

    region = RegionFactory(open_to_all=True)
    scan = ScanFactory(model=ModelVersionFactory(region=region))
    footprint = FootprintFactory(snapshot=scan.snapshot)
    params = {
        "region": region.pk, "scan": scan.pk, "scans": [scan.pk], "items": items, "user": UserFactory().pk,
        "pair": scan.imagery.pairs.get(snapshot=scan.snapshot).pk, "footprint": footprint.pk,
        "object": getattr(footprint, "object_id", None), "imagery": scan.imagery_id, "snapshot": scan.snapshot_id,
    }  # fmt: skip
    if statement == FILL_VARIED:
        params["scans"] += [_earlier_scan(region, day).pk for day in CAPTURED_EARLIER]
    with connection.cursor() as cursor:
        if statement == FILL_VARIED:
            cursor.execute(TILES, params)
        cursor.execute(statement, params)
        if statement in (FILL_CHANGES, FILL_VARIED):
            changeset = Changeset.objects.create(region=region, snapshot=scan.snapshot, comment="c", source="s")
            cursor.execute(EXPORT, {"scans": params["scans"], "changeset": changeset.pk})
        cursor.execute("VACUUM ANALYZE")
        settled(cursor)
    return int(region.pk)


def filled_once(items: int, statement: str) -> int:
    """The region of a database that is filled already, else of one that is filled now; its id."""
    from annotation.changes.models import Change
    from annotation.sources.models import Region

    region = Region.objects.order_by("pk").first()
    if region is None:
        return filled(items, statement)
    there = Change.objects.filter(scan__region=region).count()
    if there != items:
        raise SystemExit(f"the kept database holds {there} candidates, not {items}: drop it, or name another one")
    return int(region.pk)


def _earlier_scan(region: Any, captured_on: str) -> Any:
    """A scan by a model of its own, on an image of that day."""
    from tests.factories_changes import ModelVersionFactory, ScanFactory

    scan = ScanFactory(model=ModelVersionFactory(region=region, state="retired"))
    type(scan.imagery).objects.filter(pk=scan.imagery_id).update(captured_on=captured_on)
    return scan


def settled(cursor: Any) -> None:
    """Have what was filled in on the disk before anything is timed: dropping a database ends with a checkpoint."""
    cursor.execute("CREATE DATABASE bench_queue_settled")
    cursor.execute("DROP DATABASE bench_queue_settled")
