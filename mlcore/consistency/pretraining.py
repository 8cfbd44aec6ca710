"""Learns U-CSA on many places at once, for weights that any region can start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcore.anchors.geometric import describe_tile
from mlcore.anchors.schema import Anchor
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.training import train_consistency
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import Pair, PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town

ZOOM = 19
TOWN_SIDE = 4
FIRST_TOWN_SEED = 101
MIN_VALID_SHARE = 0.5


@dataclass(frozen=True)
class Place:
    """Mapped tiles of one place, all of one zoom; `made` tells a made town from a real place."""

    name: str
    source: PairSource
    tiles: list[TileAddress]
    made: bool = False


def real_place(image: Path, index: MapIndex, zoom: int = ZOOM) -> Place:
    """A place whose map is complete wherever its image has data."""
    source = PairSource(open_image(image), index)
    seen = [tile for tile in source.tiles(zoom) if source.reader.read_tile(tile, 64).valid.mean() >= MIN_VALID_SHARE]
    return Place(image.stem, source, seen)


def synthetic_place(number: int, folder: Path, progress: Progress | None = None) -> Place:
    """A made town, each number another and elsewhere, whose map shows exactly what stands."""
    seed = FIRST_TOWN_SEED + number
    config = TownConfig(
        seed=seed, columns=TOWN_SIDE, rows=TOWN_SIDE, zoom=ZOOM, origin_lonlat=(1.2 + 0.1 * number, 30.6),
        changed_share=0.0, error_share=0.0,
    )  # fmt: skip
    town = generate_town(config, progress)
    write_town(town, folder / f"town-{seed}")
    source = PairSource(open_image(folder / f"town-{seed}" / "imagery.tif"), MapIndex(town.features))
    return Place(f"town {seed}", source, town.tiles, made=True)


def pretrain_consistency(
    places: Sequence[Place],
    validation: Sequence[Place],
    config: ConsistencyConfig,
    *,
    anchors: Mapping[TileAddress, Anchor] | None = None,
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> ConsistencyModel:
    """Train U-CSA on the tiles of all `places`; resumes from `run_dir`.

    Args:
        validation: other places, on whose matched pairs the score is standardised.
        anchors: of every tile of `places`; by default what geometry says of them.

    Raises:
        InvalidInputError: no building in any place.
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    pairs, geometric = _pairs(places)
    if not any(pair.mask.any() for pair in pairs):
        raise InvalidInputError("no building on any of these images: check that each image has its own map")
    return train_consistency(
        pairs, anchors or geometric, config, validation=_pairs(validation)[0], run_dir=run_dir, seed=seed,
        device=device, progress=SpanProgress(progress, 0.05, 1.0),
    )  # fmt: skip


def _pairs(places: Sequence[Place]) -> tuple[list[Pair], Mapping[TileAddress, Anchor]]:
    pairs = [pair for place in places for pair in place.source.pairs(place.tiles)]
    anchors = {tile: describe_tile(tile, place.source.index) for place in places for tile in place.tiles}
    return pairs, anchors
