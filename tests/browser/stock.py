"""A region as it is after a scan: imported sources, pairs, anchors, scores and candidates of a synthetic town."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.db import connection, transaction
from django.db.models import Model

from annotation.accounts.models import User
from annotation.anchors.models import Anchor
from annotation.anchors.services import generate
from annotation.changes.models import Change
from annotation.common.models import Job
from annotation.common.services.jobs import run_now
from annotation.consistency.models import Scan, TileScore
from annotation.learning.models import DataSet, ModelState, ModelVersion, TrainingRun
from annotation.review.models import QueueItem
from annotation.sources.models import Footprint, Imagery, MapFeature, MapObject, MapSnapshot, Region
from annotation.sources.services.add_sources import add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from annotation.tiles.models import Tile, TilePair
from annotation.tiles.services import build_pairs
from mlcore.geometry.webmercator import tile_at
from mlcore.progress import SilentProgress
from mlcore.synthetic.town import Town, TownChange
from tests.factories import UserFactory

CAPTURED = dt.date(2024, 5, 3)


@dataclass
class Stock:
    """What a page has to show, and who may look at it."""

    admin: User
    region: Region
    imagery: Imagery
    snapshot: MapSnapshot
    scan: Scan
    changes: list[Change]


KEPT = [
    User, Job, Region, Imagery, MapSnapshot, MapObject, Footprint, MapFeature, Tile, TilePair, Anchor, DataSet,
    TrainingRun, ModelVersion, Scan, TileScore, QueueItem, Change,
]  # fmt: skip
_kept: list[tuple[str, bytes]] = []
"""Each table with the columns that are written, and its rows as PostgreSQL copies them."""


def tables(model: type[Model]) -> Iterator[str]:
    """The table of a model with its columns, and those of its many-to-many fields, as COPY names them."""
    throughs = [field.remote_field.through for field in model._meta.local_many_to_many]
    for one in (model, *(through for through in throughs if through._meta.auto_created)):
        columns = [f'"{field.column}"' for field in one._meta.local_concrete_fields if not field.generated]
        yield f'"{one._meta.db_table}" ({", ".join(columns)})'


def keep_rows() -> None:
    with connection.cursor() as cursor:
        for table in (table for model in KEPT for table in tables(model)):
            with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                _kept.append((table, b"".join(copy)))


def put_back() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for table, rows in _kept:
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(rows)


def stock_region(town: Town, files: Path) -> Stock:
    """The stocked region; imported once, then its rows are put back for each test that asks."""
    if _kept:
        put_back()
        scan = Scan.objects.select_related("region", "imagery", "snapshot").get()
        changes = list(Change.objects.select_related("pair__tile", "footprint").order_by("pk"))
        return Stock(User.objects.get(), scan.region, scan.imagery, scan.snapshot, scan, changes)
    stock = build_region(town, files)
    keep_rows()
    return stock


def build_region(town: Town, files: Path, *, name: str = "Wright's Town", candidates: int = 12) -> Stock:
    """Import the town and lay out what a scan of it would leave."""
    admin = UserFactory(username="ada", role="admin")
    region = create_region(user=admin, name=name, zoom=town.config.zoom, open_to_all=True)
    imagery = add_imagery(
        user=admin, region=region, file=Upload.from_path(files / "imagery.tif"), licence="CC0 1.0",
        attribution="A synthetic survey", captured_on=CAPTURED, wake=False,
    ).source  # fmt: skip
    snapshot = add_snapshot(
        user=admin, region=region, file=Upload.from_path(files / "map.osm"), area=None, licence="ODbL 1.0",
        attribution="OpenStreetMap contributors", wake=False,
    ).source  # fmt: skip
    for source in (imagery, snapshot):
        run_now(source.job)
        source.refresh_from_db()
    build_pairs.build(imagery=imagery, snapshot=snapshot, progress=SilentProgress())
    region.refresh_from_db()
    run_now(generate.start(region=region, user=admin, generator="geometric"))
    scan = _scan(admin, region, imagery, snapshot)
    changes = _changes(town, scan, candidates)
    return Stock(admin, region, imagery, snapshot, scan, changes)


def _scan(admin: User, region: Region, imagery: Imagery, snapshot: MapSnapshot) -> Scan:
    data_set = DataSet.objects.create(region=region, imagery=imagery, snapshot=snapshot, pairs=[], digest="ab" * 32)
    run = TrainingRun.objects.create(
        region=region, data_set=data_set, created_by=admin, metrics={"tile_auroc": 0.87, "calibration_error": 0.04}
    )
    model = ModelVersion.objects.create(
        region=region, run=run, state=ModelState.ACTIVE, path="models/none.safetensors", sha256="cd" * 32,
        metrics={"tile_auroc": 0.87, "calibration_error": 0.04},
    )  # fmt: skip
    scan = Scan.objects.create(region=region, model=model, imagery=imagery, snapshot=snapshot, state="ready")
    for index, pair in enumerate(TilePair.objects.filter(imagery=imagery, snapshot=snapshot).order_by("pk")):
        probability = (index * 7 % 16) / 15
        TileScore.objects.create(
            scan=scan, pair=pair, fold=index % 4, disc=0.4, proto=0.8, final=2 * probability - 1, difference=0.05,
            probability=probability,
        )  # fmt: skip
    return scan


def _changes(town: Town, scan: Scan, candidates: int) -> list[Change]:
    chosen = sorted(town.changes, key=lambda change: -change.geometry.area)
    made = [_change(scan, change, 0.97 - 0.05 * index) for index, change in enumerate(chosen[:candidates])]
    return [change for change in made if change is not None]


def _change(scan: Scan, true: TownChange, confidence: float) -> Change | None:
    centre = true.geometry.centroid
    address = tile_at(centre.x, centre.y, scan.region.zoom)
    pair = TilePair.objects.filter(snapshot=scan.snapshot, tile__x=address.x, tile__y=address.y).first()
    footprint = Footprint.objects.filter(snapshot=scan.snapshot, osm_id=true.osm_id).first() if true.osm_id else None
    if pair is None or (true.kind != "add" and footprint is None):
        return None
    told = {"scope_id": scan.region_id, "origin_id": scan.pk, "kind": true.kind, "priority": confidence}
    item = QueueItem.objects.create(stage="changes", **told)
    geometry = GEOSGeometry(json.dumps(shapely.geometry.mapping(true.geometry)), srid=4326)
    evidence = {"area_m2": 140.0, "mean_evidence": 0.86, "iou_with_map": 0.3, "tile_probability_after": 0.8}
    about = footprint.object if footprint else None
    return Change.objects.create(
        scan=scan, item=item, pair=pair, kind=true.kind, object=about, footprint=footprint, geometry=geometry,
        confidence=confidence, evidence=evidence, fingerprint=f"{item.pk:064x}",
    )  # fmt: skip
