"""What matchers learn from and are compared on: tiles whose transform people stand by, as a data set keeps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, F, IntegerField, Q, QuerySet
from django.db.models.functions import Greatest
from django.db.models.lookups import Exact

from annotation.common.errors import NotFoundError
from annotation.correspondences.engine import ScannedSource, built_in_file, said_transform, scan_source
from annotation.correspondences.errors import NoWeightsError
from annotation.correspondences.models import Correspondences, CorrespondencesState, MapScan
from annotation.learning.engine.data import told, told_of_imagery
from annotation.learning.engine.runs import check_model_file
from annotation.learning.errors import DataSetChangedError
from annotation.learning.models import DataSet, ModelVersion, TrainingRun
from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.engine import pair_source, tile_address
from mlcore.digests import sha256_of
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource

if TYPE_CHECKING:
    from mlcore.evaluation.compare_matchers import Verified

Payload = dict[str, Any]
Source = PairSource | ScannedSource
HELD_BLOCKS = """SELECT COUNT(*) FROM (
    SELECT DISTINCT column_of.x AS x, row_of.y AS y FROM ({tiles}) AS tile (z, x, y),
    LATERAL (SELECT greatest(tile.z - %s, 0) AS down, greatest(%s - tile.z, 0) AS up) AS levels,
    LATERAL generate_series(
        (tile.x >> down) << up, ((tile.x >> down) << up) + (1 << up) - 1) AS column_of (x),
    LATERAL generate_series(
        (tile.y >> down) << up, ((tile.y >> down) << up) + (1 << up) - 1) AS row_of (y)
) AS block WHERE (x + 2 * y) %% 4 = 0"""
GONE = "verified tiles, or the image or map they are on, are gone or were altered since; start anew"


def is_learnt(tile: TileAddress) -> bool:
    """Whether matchers learn a tile, or some of its blocks."""
    from mlcore.correspondences.verified import learnt_parts

    return bool(learnt_parts(tile))


def held_out(tile: TileAddress) -> list[TileAddress]:
    """The blocks that a tile has ground on and that no matcher learns."""
    from mlcore.correspondences.verified import blocks_on, is_held_out

    return [block for block in blocks_on(tile) if is_held_out(block)]


def learnt_and_held_out(tile: str = "") -> dict[str, Any]:
    """The same of rows, as the database works it out: whether a tile is `learnt`, and whether some of it `held_out`.

    Args:
        tile: before the names of its z, x and y, such as "pair__tile__".
    """
    from mlcore.correspondences.verified import BLOCK_ZOOM

    whole = IntegerField()
    levels: Any = Greatest(F(f"{tile}z") - BLOCK_ZOOM, 0, output_field=whole)
    x, y = (ExpressionWrapper(F(f"{tile}{side}").bitrightshift(levels), whole) for side in "xy")
    kept = Exact(ExpressionWrapper(x + 2 * y, whole) % 4, 0)
    larger = Q(**{f"{tile}z__lt": BLOCK_ZOOM})  # some of its blocks are learnt, some are not
    return {
        "learnt": ExpressionWrapper(larger | ~Q(kept), BooleanField()),
        "held_out": ExpressionWrapper(larger | Q(kept), BooleanField()),
    }


def held_blocks_on(rows: QuerySet, tile: str = "") -> int:
    """How many blocks that no matcher learns these rows' tiles have ground on."""
    from mlcore.correspondences.verified import BLOCK_ZOOM

    places = rows.order_by().values_list(*(f"{tile}{side}" for side in "zxy")).distinct()
    sql, params = places.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(HELD_BLOCKS.format(tiles=sql), [*params, BLOCK_ZOOM, BLOCK_ZOOM])
        return int(cursor.fetchone()[0])


def payload_of(rows: Sequence[Correspondences], people: Mapping[int, list[int]]) -> Payload:
    """Verified tiles with their sources, in an order of their own, as plain values.

    Args:
        people: who verified each, by proposal.
    """
    numbers: dict[tuple[int, int, int], int] = {}
    sources: list[Payload] = []
    pairs = []
    for row in sorted(rows, key=lambda row: (_source_of(row), tile_address(row.tile))):
        key = _source_of(row)
        if key not in numbers:
            numbers[key] = len(sources)
            sources.append(_source(row))
        pairs.append(_pair(row, numbers[key], people.get(row.pk, [])))
    return {"sources": sources, "pairs": pairs}


def _source_of(row: Correspondences) -> tuple[int, int, int]:
    """Imagery, scan, map: those of vectors come first."""
    return row.imagery.pk, row.scan_id or 0, 0 if row.pair is None else row.pair.snapshot_id


def digest_of(payload: Payload) -> str:
    """SHA-256 of everything in it."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def start_in_use(active: ModelVersion | None) -> Payload:
    """Which weights a training goes on from: those of the model in use, else those that are used without one.

    Raises:
        ModelFileError, NoWeightsError: their file is gone.
    """
    if active is not None:
        check_model_file(active)
        return {"model": active.pk, "sha256": active.sha256}
    path = built_in_file()
    if not path.is_file():
        raise NoWeightsError(
            f"there are no weights to go on from, {path.name} is no file: correct or unset MAPWRIGHT_MATCHER_WEIGHTS"
        )
    return {"model": None, "sha256": sha256_of(path)}


def start_file(data_set: DataSet) -> Path:
    """The file of these weights, which the library still holds against their digest.

    Raises:
        DataSetChangedError, ModelFileError: it is not there any more.
    """
    start = data_set.payload["start"]
    if start["model"] is None:
        return built_in_file()
    version = ModelVersion.objects.filter(pk=start["model"]).first()
    if version is None:
        raise DataSetChangedError("the model whose weights this training goes on from is gone; start a new training")
    return check_model_file(version)


def thawed(data_set: DataSet) -> tuple[list[Source], list[Verified]]:
    """Sources of a data set and its verified tiles, proven to be what was frozen.

    Raises:
        DataSetChangedError: a source is gone or another one, or the data set was altered.
    """
    payload = data_set.payload
    if digest_of(payload) != data_set.digest:
        raise DataSetChangedError(GONE)
    return [_opened(source) for source in payload["sources"]], [_verified(pair) for pair in payload["pairs"]]


def by_source(verified: Iterable[Verified]) -> dict[int, dict[TileAddress, Transform]]:
    """Transforms by source and tile."""
    found: dict[int, dict[TileAddress, Transform]] = {}
    for one in verified:
        found.setdefault(one.source, {})[one.tile] = one.transform
    return found


def about_matcher(run: TrainingRun) -> Payload:
    """What a matcher's file says of where it comes from: verified tiles, by how many people, licences, its start."""
    payload = run.data_set.payload
    pairs = payload.get("pairs", [])
    return {
        "kind": run.kind,
        "data_digest": run.data_set.digest,
        "preset": run.preset,
        "seed": run.seed,
        "tiles": len(pairs),
        "decisions": run.data_set.decision_counts,
        "people": len({person for pair in pairs for person in pair["people"]}),
        "places": len({source["region"] for source in payload.get("sources", [])}),
        "sources": [{"imagery": one["imagery"], "map": one["map"]} for one in payload.get("sources", [])],
        **{name: payload[name] for name in ("start", "file") if name in payload},
    }


def _source(row: Correspondences) -> Payload:
    if row.scan is None:
        imagery, snapshot = row.imagery, row.map_pair.snapshot
        return {
            "region": imagery.region_id,
            "imagery_id": imagery.pk,
            "snapshot_id": snapshot.pk,
            **told(imagery, snapshot),
        }
    scan = row.scan
    return {
        "region": scan.region_id,
        "imagery_id": scan.imagery_id,
        "scan_id": scan.pk,
        "coarse": _coarse(scan),
        "imagery": told_of_imagery(scan.imagery),
        "map": {
            "sha256": scan.sha256,
            "licence": scan.licence,
            "attribution": scan.attribution,
            "taken_at": None,
            "scan": scan.original_name,
        },
    }


def _coarse(scan: MapScan) -> list[float] | None:
    """Where the scan was found: parameters of the homography that its pairs are counted from."""
    return (scan.made or {}).get("coarse", {}).get("parameters")


def _pair(row: Correspondences, source: int, people: list[int]) -> Payload:
    transform, tile = said_transform(row), row.tile
    if transform is None:
        raise ValueError(f"correspondences {row.pk} are in force without a transform")
    corrected = row.state == CorrespondencesState.CORRECTED
    return {
        "source": source,
        "tile": [tile.z, tile.x, tile.y],
        "kind": transform.kind,
        "parameters": transform.parameters.tolist(),
        "proposed_by": "" if corrected else row.matcher_digest,
        "people": people,
    }


def _opened(source: Payload) -> Source:
    imagery = Imagery.objects.filter(pk=source["imagery_id"], sha256=source["imagery"]["sha256"]).first()
    if imagery is None:
        raise DataSetChangedError(GONE)
    if "scan_id" in source:
        return _opened_scan(source, imagery)
    snapshot = MapSnapshot.objects.filter(pk=source["snapshot_id"], sha256=source["map"]["sha256"]).first()
    if snapshot is None:
        raise DataSetChangedError(GONE)
    return pair_source(imagery, snapshot)


def _opened_scan(source: Payload, imagery: Imagery) -> ScannedSource:
    found = MapScan.objects.filter(pk=source["scan_id"], imagery=imagery, sha256=source["map"]["sha256"])
    scan = found.select_related("imagery").first()
    if scan is None or _coarse(scan) != source["coarse"]:
        raise DataSetChangedError(GONE)
    try:
        return scan_source(scan)
    except NotFoundError as error:
        raise DataSetChangedError(GONE) from error


def _verified(pair: Payload) -> Verified:
    from mlcore.evaluation.compare_matchers import Verified

    parameters = np.array(pair["parameters"])
    transform = Transform(pair["kind"], parameters, np.zeros((len(parameters), len(parameters))))
    return Verified(pair["source"], TileAddress(*pair["tile"]), transform, pair["proposed_by"])


def owner_folder(kind: str) -> Path:
    """Where models for all regions keep their files."""
    return Path(settings.MEDIA_ROOT) / "models" / kind / "training"
