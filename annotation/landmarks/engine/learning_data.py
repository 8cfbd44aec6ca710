"""What a model that finds places learns from: tiles of all regions with what their maps and landmarks say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from annotation.landmarks import selectors
from annotation.landmarks.engine.texts import picture_of
from annotation.landmarks.models import Landmark, LandmarkPhoto
from annotation.learning.engine import digest_of, held_out
from annotation.learning.engine.data import told, told_of_imagery
from annotation.learning.errors import DataSetChangedError
from annotation.learning.models import DataSet
from annotation.sources.engine import features_of
from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.engine import MapIndex, image_reader
from mlcore.geometry.webmercator import TileAddress, tile_at

if TYPE_CHECKING:
    from mlcore.landmarks.samples import Sample

TILE_PX = 256
MOST_TILES = 20_000
"""That are learnt from, over all regions; of more, these are spread over all."""
MOST_LANDMARKS = 20_000
GONE = "imagery, a map or a landmark that was frozen is gone or was altered since; start anew"
Payload = dict[str, Any]


def payload_of(sources: Iterable[tuple[Imagery, MapSnapshot | None, list[int]]], landmarks: Iterable[Landmark],
               photos: Iterable[LandmarkPhoto]) -> Payload:  # fmt: skip
    """Sources with their tiles, landmarks and photos as plain values, in an order of their own."""
    return {
        "sources": [
            {
                "region": imagery.region_id, "imagery_id": imagery.pk, "mark": mark,
                "snapshot_id": snapshot.pk if snapshot else None,
                **(told(imagery, snapshot) if snapshot else {"imagery": told_of_imagery(imagery)}),
            }
            for imagery, snapshot, mark in sources
        ],
        "landmarks": [[row.pk, row.region_id, row.name, row.description, row.point.x, row.point.y]
                      for row in landmarks],
        "photos": [[row.pk, row.region_id, row.landmark_id, row.sha256] for row in photos],
    }  # fmt: skip


class TilesOfRegions:
    """Samples of tiles: the picture, the middle, sentences of map and landmarks, and a landmark's photo.

    All that the database knows is read when it is made, so that threads can ask for samples.

    Args:
        kept_out: the tiles that no model learns, or, where it is False, all others.
        photo_file: where the copy of a photo lies: region, id.

    Raises:
        DataSetChangedError: what was frozen is not there any more.
    """

    def __init__(self, data_set: DataSet, photo_file: Callable[[int, int], Path], *, kept_out: bool) -> None:
        payload = data_set.payload
        if digest_of(payload) != data_set.digest:
            raise DataSetChangedError(GONE)
        self.tiles: list[tuple[int, TileAddress, bool]] = []
        self.images: list[Imagery] = []
        self.maps: list[MapIndex] = []
        zooms: dict[int, int] = {}
        for number, source in enumerate(payload["sources"]):
            imagery, snapshot = _thawed(source)
            self.images.append(imagery)
            self.maps.append(MapIndex(features_of(snapshot)) if snapshot is not None else MapIndex())
            places = _places(imagery, snapshot, kept_out)
            self.tiles += [(number, tile, mapped) for tile, mapped in places]
            if places:
                zooms[source["region"]] = places[0][0].z
        spread = np.unique(np.linspace(0, len(self.tiles) - 1, min(MOST_TILES, len(self.tiles))).round().astype(int))
        self.tiles = [self.tiles[number] for number in spread.tolist()]
        self.said = _said(payload["landmarks"], zooms)
        self.photos = _photos(payload, zooms, photo_file)

    def __len__(self) -> int:
        return len(self.tiles)

    def get(self, number: int) -> Sample:
        """The tile of that number; one place is 4 x 4 tiles."""
        from mlcore.landmarks.readers.tiles import texts_of
        from mlcore.landmarks.samples import Sample

        source, tile, mapped = self.tiles[number]
        imagery, west_to_north = self.images[source], tile.bounds_lonlat
        west, south, east, north = west_to_north
        texts = texts_of(self.maps[source].query(west_to_north)) if mapped and len(self.maps[source]) else ()
        key = (imagery.region_id, tile)
        photo = picture_of(self.photos[key]) if key in self.photos else None
        return Sample(
            name=f"{imagery.region_id}/{tile.z}/{tile.x}/{tile.y}",
            place=f"{imagery.region_id}/{tile.x >> 2}/{tile.y >> 2}",
            aerial=image_reader(imagery).read_tile(tile, TILE_PX).rgb,
            ground=photo,
            texts=tuple(dict.fromkeys([*texts, *self.said.get(key, ())])),
            gps=((west + east) / 2, (south + north) / 2),
        )


def _thawed(source: Mapping[str, Any]) -> tuple[Imagery, MapSnapshot | None]:
    imagery = Imagery.objects.filter(pk=source["imagery_id"], sha256=source["imagery"]["sha256"]).first()
    snapshot = None
    if source["snapshot_id"] is not None:
        snapshot = MapSnapshot.objects.filter(pk=source["snapshot_id"], sha256=source["map"]["sha256"]).first()
    lost = imagery is None or not (Path(settings.MEDIA_ROOT) / imagery.cog_path).is_file()
    if imagery is None or lost or (snapshot is None) != (source["snapshot_id"] is None):
        raise DataSetChangedError(GONE)
    return imagery, snapshot


def _places(imagery: Imagery, snapshot: MapSnapshot | None, kept_out: bool) -> list[tuple[TileAddress, bool]]:
    """Tiles of an imagery, and whether the map is complete there; those that are learnt, or those that never are."""
    pairs = selectors.pairs_to_find(imagery)
    if snapshot is not None:
        pairs = pairs.filter(snapshot=snapshot)
    rows = pairs.values_list("tile__z", "tile__x", "tile__y", "mapped").order_by("tile__y", "tile__x", "pk")
    known = {TileAddress(z, x, y): mapped for z, x, y, mapped in rows.iterator(chunk_size=20_000)}
    return [(tile, mapped) for tile, mapped in known.items() if bool(held_out(tile)) == kept_out]


def _said(landmarks: Iterable[list[Any]], zooms: Mapping[int, int]) -> dict[tuple[int, TileAddress], list[str]]:
    """What landmarks say, by region and tile."""
    said: dict[tuple[int, TileAddress], list[str]] = defaultdict(list)
    for _, region, name, description, lon, lat in landmarks:
        if region in zooms:
            said[region, tile_at(lon, lat, zooms[region])] += [text for text in (name, description) if _speaks(text)]
    return said


def _photos(payload: Payload, zooms: Mapping[int, int], photo_file: Callable[[int, int], Path]
            ) -> dict[tuple[int, TileAddress], Path]:  # fmt: skip
    """The first photo of a landmark on each tile."""
    where = {row[0]: (row[1], row[4], row[5]) for row in payload["landmarks"]}
    found: dict[tuple[int, TileAddress], Path] = {}
    for pk, _, landmark, _ in payload["photos"]:
        if landmark in where and where[landmark][0] in zooms:
            region, lon, lat = where[landmark]
            found.setdefault((region, tile_at(lon, lat, zooms[region])), photo_file(region, pk))
    return found


def _speaks(text: str) -> bool:
    return any(sign.isalpha() for sign in text)
