"""The tiles of an image as samples: what each shows, where its middle lies, and what a map says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress, tiles_covering
from mlcore.imagery.raster import open_image
from mlcore.landmarks.readers.osm import sentences_of
from mlcore.landmarks.samples import Sample, SampleSource
from mlcore.maps.coverage import read_area
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.splits import geographic_folds

LEAST_VALID = 0.5
"""A tile of which less has data shows the edge of an image, not a place: it is passed over."""
SIDE_PX = 256
HELD_OUT_FOLDS, HELD_OUT_FOLD = 5, 0
"""Of so many blocks of neighbouring tiles one is never learnt."""
COUNTS = ((1, "one building"), (4, "a few buildings"), (12, "several buildings"), (40, "many buildings"))
CROWDED = "a great many buildings"
KINDS = {"road": "a road", "rail": "a railway", "water": "water", "green": "green"}
MOST_NAMED = 4


class RegionTiles:
    """Tiles of an ingested image of which at least half has data, row by row.

    Args:
        image: the COG; `map_file`: of the same ground, None for none; `area`: where the map is complete (GeoJSON),
            None: everywhere.
        zoom: of the tiles.
        name: of the region; samples are named `NAME/z/x/y`.
        side_px: of the pictures.

    Raises:
        InvalidInputError: a file can't be read, or no tile has data.
    """

    def __init__(
        self, image: Path, map_file: Path | None = None, area: Path | None = None, *, zoom: int, name: str = "",
        side_px: int = SIDE_PX,
    ) -> None:  # fmt: skip
        self.reader, self.side_px, self.name = open_image(image), side_px, name or image.stem
        self.index = MapIndex(read_map(map_file).features) if map_file else MapIndex()
        self.mapped = read_area(area) if area else None
        covered = tiles_covering(self.reader.footprint_lonlat, zoom)
        self.tiles = [tile for tile in covered if self.reader.read_tile(tile, 64).valid.mean() >= LEAST_VALID]
        if not self.tiles:
            raise InvalidInputError(f"{image.name} has no tile of zoom {zoom} with data: choose a finer zoom")

    def __len__(self) -> int:
        return len(self.tiles)

    def get(self, number: int) -> Sample:
        """The tile; one place is 4 x 4 of them."""
        tile = self.tiles[number]
        west, south, east, north = tile.bounds_lonlat
        told = self.mapped is None or self.mapped.contains(tile.polygon_lonlat)
        return Sample(
            name=f"{self.name}/{tile.z}/{tile.x}/{tile.y}",
            place=f"{self.name}/{tile.x >> 2}/{tile.y >> 2}",
            aerial=self.reader.read_tile(tile, self.side_px).rgb,
            texts=texts_of(self.index.query(tile.bounds_lonlat)) if told and len(self.index) else (),
            gps=((west + east) / 2, (south + north) / 2),
        )


class Chosen:
    """Some samples of a source."""

    def __init__(self, source: SampleSource, numbers: Sequence[int]) -> None:
        self.source, self.numbers = source, list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def get(self, number: int) -> Sample:
        return self.source.get(self.numbers[number])


def held_out_tiles(tiles: Collection[TileAddress]) -> set[TileAddress]:
    """The tiles of a region that are never learnt: one of HELD_OUT_FOLDS contiguous blocks, the same for the same
    tiles; none where there are too few."""
    if len(set(tiles)) < HELD_OUT_FOLDS:
        return set()
    folds = geographic_folds(tiles, HELD_OUT_FOLDS)
    return {tile for tile, fold in folds.items() if fold == HELD_OUT_FOLD}


def texts_of(features: Sequence[MapFeature]) -> tuple[str, ...]:
    """What a map says of a place, as sentences: how much of what stands there, and what is named or told more of.

    An empty map says nothing, for nobody knows whether it is complete.
    """
    kinds = Counter(feature.kind for feature in features)
    if not kinds:
        return ()
    shown = [words for kind, words in KINDS.items() if kinds[kind]]
    if kinds["building"]:
        shown.insert(0, next((words for most, words in COUNTS if kinds["building"] <= most), CROWDED))
    elif shown:
        shown.append("no buildings")
    named = [sentence for feature in features for sentence in sentences_of(feature.tags)]
    first = f"an aerial view of {_listed(shown)}" if shown else ""
    return tuple(dict.fromkeys(text for text in (first, *named[:MOST_NAMED]) if text))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
