"""Rows that tests of training and scans share: described regions, runs, and models with a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

from annotation.anchors.models import Anchor
from annotation.learning.models import DataSet, ModelState, ModelVersion, TrainingRun
from annotation.sources.models import Region
from mlcore.anchors.schema import ATTRIBUTES
from tests.factories import (
    ORIGIN,
    ImageryFactory,
    JobFactory,
    PairFactory,
    RegionFactory,
    SnapshotFactory,
    TileFactory,
)

ATTRIBUTE_VALUES = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}


def described_region(columns: int = 4, rows: int = 3, anchors: bool = True, **kwargs) -> Region:
    """A region whose every tile is a mapped pair, with an anchor each."""
    region = RegionFactory(**kwargs)
    imagery, snapshot = ImageryFactory(region=region), SnapshotFactory(region=region)
    for row in range(rows):
        for column in range(columns):
            tile = TileFactory(region=region, x=ORIGIN.x + column, y=ORIGIN.y + row)
            pair = PairFactory(region=region, tile=tile, imagery=imagery, snapshot=snapshot)
            if anchors:
                anchor_for(pair)
    return region


def anchor_for(pair, **kwargs) -> Anchor:
    fields = {"generator": "geometric", "schema_version": "1", "summary": "A tile.", "attributes": ATTRIBUTE_VALUES}
    return Anchor.objects.create(pair=pair, **{**fields, **kwargs})


def make_run(region: Region, **kwargs) -> TrainingRun:
    """A run with a job and an empty data set of the region's sources."""
    data_set = DataSet.objects.create(
        region=region,
        imagery=region.imagery_set.last() or ImageryFactory(region=region),
        snapshot=region.mapsnapshot_set.last() or SnapshotFactory(region=region),
        pairs=[],
        digest="0" * 64,
    )
    job = JobFactory(kind="learning.train", scope_id=region.pk)
    return TrainingRun.objects.create(region=region, data_set=data_set, **{"job": job, **kwargs})


def make_model(
    region: Region, state: str = ModelState.CANDIDATE, content: bytes = b"weights", **kwargs
) -> ModelVersion:
    """A registered model whose file holds `content` under its true digest."""
    run = make_run(region)
    path = Path("regions") / str(region.pk) / "training" / str(run.pk) / "model.safetensors"
    (Path(settings.MEDIA_ROOT) / path).parent.mkdir(parents=True, exist_ok=True)
    (Path(settings.MEDIA_ROOT) / path).write_bytes(content)
    fields = {"path": str(path), "sha256": hashlib.sha256(content).hexdigest(), "state": state}
    return ModelVersion.objects.create(region=region, run=run, **{**fields, **kwargs})
