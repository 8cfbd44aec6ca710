"""A region made of a small synthetic town through the real imports, for tests that train and scan."""

from __future__ import annotations

from pathlib import Path

import shapely

from annotation.anchors.services.generate import generate_for
from annotation.common.models import JobState
from annotation.common.services.jobs import run_now
from annotation.sources.engine import to_multipolygon
from annotation.sources.models import Region
from annotation.sources.selectors import current_sources
from annotation.sources.services.add_sources import add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from annotation.tiles.services.build_pairs import build
from mlcore.geometry.webmercator import tile_at
from mlcore.progress import SilentProgress
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.ingested import ingested_once

COLUMNS, ROWS, MAPPED_COLUMNS = 6, 4, 5


def town_region(folder: Path, *, name: str = "town", anchors: bool = True) -> Region:
    """A town of 6 x 4 tiles whose map is complete on its first 5 columns, imported, paired and described."""
    town = generate_town(TownConfig(seed=3, columns=COLUMNS, rows=ROWS))
    write_town(town, folder)
    region = create_region(user=None, name=name, zoom=town.config.zoom)
    common = {"user": None, "region": region, "licence": "CC0-1.0", "attribution": "a synthetic town", "wake": False}
    area = to_multipolygon(_mapped_area(town.config))
    for source in (
        add_imagery(file=Upload.from_path(folder / "imagery.tif"), **common).source,
        add_snapshot(file=Upload.from_path(folder / "map.osm"), area=area, **common).source,
    ):
        with ingested_once():
            job = run_now(source.job)
        assert job.state == JobState.SUCCEEDED, job.error_detail
    imagery, snapshot = current_sources(region)
    build(imagery=imagery, snapshot=snapshot, progress=SilentProgress())
    if anchors:
        generate_for(imagery=imagery, snapshot=snapshot, progress=SilentProgress())
    region.refresh_from_db()
    return region


def _mapped_area(config: TownConfig) -> shapely.Polygon:
    corner = tile_at(*config.origin_lonlat, config.zoom)
    west, _, _, north = corner.bounds_lonlat
    last = type(corner)(config.zoom, corner.x + MAPPED_COLUMNS - 1, corner.y + ROWS - 1)
    _, south, east, _ = last.bounds_lonlat
    return shapely.box(west, south, east, north)
