"""A seeded town: an aerial image of two dates, the map of the earlier one, and the exact list of what the map misses.

The default place is the sand sea of the Grand Erg Occidental (30.6 N, 1.2 E), where it can be
confused with no real map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import shapely

from mlcore.errors import ConfigError
from mlcore.geometry.webmercator import TILE_PX, TileAddress, ground_resolution_m, tile_at
from mlcore.maps.features import MapFeature
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.synthetic.history import Record, ground_of, tell_history
from mlcore.synthetic.imagery import take_image
from mlcore.synthetic.layout import lay_out
from mlcore.synthetic.osm_document import MapWriter, OsmDocument, add_surroundings
from mlcore.synthetic.scene import Scene

ChangeKind = Literal["add", "remove", "modify"]
CAPTURED = (date(2021, 4, 12), date(2024, 5, 3))
MAX_TILES_A_SIDE = 64


@dataclass(frozen=True)
class TownConfig:
    """What town to make; the same configuration always gives the same bytes.

    Attributes:
        seed: place, plan, season, light and changes.
        columns, rows: size in tiles, 1..64 each.
        zoom: zoom of the grid, 17..21.
        origin_lonlat: a point in the north-western tile.
        changed_share: share of buildings built, pulled down or extended between the dates.
        error_share: share of buildings that the map draws 5-8.5 m off, though nothing changed.
    """

    seed: int = 7
    columns: int = 15
    rows: int = 15
    zoom: int = 19
    origin_lonlat: tuple[float, float] = (1.2, 30.6)
    changed_share: float = 0.06
    error_share: float = 0.01

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= MAX_TILES_A_SIDE and 1 <= self.rows <= MAX_TILES_A_SIDE):
            raise ConfigError(f"a town has 1..{MAX_TILES_A_SIDE} tiles a side, not {self.columns} x {self.rows}")
        if not 17 <= self.zoom <= 21:
            raise ConfigError(f"zoom must be 17..21 (1.2 to 0.07 m/px), not {self.zoom}")
        if (
            self.seed < 0
            or self.changed_share < 0
            or self.error_share < 0
            or self.changed_share + self.error_share > 0.5
        ):
            raise ConfigError("seed and shares must be 0 or more, and at most half of the buildings may change")
        if abs(self.origin_lonlat[1]) > 70 or abs(self.origin_lonlat[0]) > 179:
            raise ConfigError("origin_lonlat must lie between 70 S and 70 N, away from the antimeridian")


@dataclass(frozen=True)
class TownChange:
    """One thing an editor has to do to put the town's map right.

    Attributes:
        kind: add (stands, not mapped), remove (mapped, gone), modify (mapped in another shape or place).
        before: the footprint on the map, degrees; None for add.
        after: the footprint in the image, degrees; None for remove.
        osm_type, osm_id: the mapped element; None for add.
        reason: new | demolished | extended | shifted.
    """

    kind: ChangeKind
    before: shapely.Polygon | None
    after: shapely.Polygon | None
    osm_type: str | None
    osm_id: int | None
    reason: str

    @property
    def geometry(self) -> shapely.Polygon:
        """The proposed shape; for remove the mapped one."""
        shape = self.after if self.after is not None else self.before
        if shape is None:
            raise ConfigError("a change needs a shape before or after")
        return shape


@dataclass
class Town:
    """A town as data.

    Attributes:
        image: (H, W, 3) uint8 RGB of the later date, on the XYZ grid from `tiles[0]`'s north-west corner.
        features: the map, which is of the earlier date.
        changes: exactly what the map misses.
        tiles: row by row from the north-west.
    """

    config: TownConfig
    image: np.ndarray
    features: list[MapFeature]
    changes: list[TownChange]
    tiles: list[TileAddress]
    document: OsmDocument
    scene: Scene = field(repr=False)
    records: list[Record] = field(repr=False)

    @cached_property
    def image_before(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB of the earlier date; rendered when first asked for."""
        return _photograph(self.config, self.scene, self.records, 0, SilentProgress())

    @property
    def area_lonlat(self) -> shapely.Polygon:
        """The image's extent in degrees."""
        first, last = self.tiles[0].bounds_lonlat, self.tiles[-1].bounds_lonlat
        return shapely.box(first[0], last[1], last[2], first[3])


def generate_town(config: TownConfig | None = None, progress: Progress | None = None) -> Town:
    """Make a town.

    Raises:
        StoppedError: `progress` asked to stop.
    """
    config, progress = config or TownConfig(), progress or SilentProgress()
    corner = tile_at(*config.origin_lonlat, config.zoom)
    tiles = [
        TileAddress(config.zoom, corner.x + x, corner.y + y) for y in range(config.rows) for x in range(config.columns)
    ]
    middle_lat = (tiles[0].bounds_lonlat[3] + tiles[-1].bounds_lonlat[1]) / 2
    resolution = ground_resolution_m(config.zoom, middle_lat)
    size_m = config.columns * TILE_PX * resolution, config.rows * TILE_PX * resolution
    progress.report(0.0, "laying out streets and buildings")
    scene = lay_out(config.seed, *size_m, resolution)
    stop_if_asked(progress)
    records = tell_history(config.seed, scene, config.changed_share, config.error_share)
    writer = MapWriter(config.seed, corner, resolution)
    window = shapely.box(0, 0, *size_m)
    add_surroundings(writer, scene, window)
    changes = _map_buildings(writer, records, window)
    progress.report(0.3, f"{len(records)} buildings, {len(changes)} changes")
    image = _photograph(config, scene, records, 1, SpanProgress(progress, 0.3, 1.0))
    return Town(config, image, writer.features(), changes, tiles, writer.document, scene, records)


def _map_buildings(writer: MapWriter, records: list[Record], window: shapely.Polygon) -> list[TownChange]:
    changes = []
    for record in records:
        shape = record.mapped or (record.now.footprint if record.now else None)
        if shape is None or not shape.intersects(window):
            continue
        element: tuple[str | None, int | None] = (None, None)
        body = record.before or record.now
        if record.mapped is not None and body is not None:
            element = writer.add_area("building", record.mapped, {"building": body.use})
        if record.reason:
            kind: ChangeKind = "add" if record.mapped is None else "remove" if record.now is None else "modify"
            before, after = (_degrees(writer, s) for s in (record.mapped, record.now.footprint if record.now else None))
            changes.append(TownChange(kind, before, after, *element, record.reason))
    return changes


def _degrees(writer: MapWriter, polygon: shapely.Polygon | None) -> shapely.Polygon | None:
    return None if polygon is None else shapely.transform(polygon, writer.lonlat)


def _photograph(config: TownConfig, scene: Scene, records: list[Record], when: int, progress: Progress) -> np.ndarray:
    standing = [r.now if when else r.before for r in records]
    return take_image(
        scene, [b for b in standing if b is not None], ground_of(records, when),
        (config.rows * TILE_PX, config.columns * TILE_PX), seed=config.seed, date=when, progress=progress,
    )  # fmt: skip
