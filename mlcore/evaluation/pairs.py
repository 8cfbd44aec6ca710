"""Pairs that every method is measured on: tiles of a place under seeded editions of its map, with exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.synthetic.edits import EditCounts, EditedMap, Method, SimulatedEdit, simulate_edits
from mlcore.synthetic.truth import WHOLE_BUILDING_M2, changed_shares, tile_truth

UNTOUCHED, CHANGED, UNDECIDED = 0, 1, -1
NOTHING = 1e-6  # share of a tile that rounding of borders may seem to change
SINGLE_METHODS: tuple[Method, ...] = ("deleted", "invented", "reshaped", "shifted")
SHARES = {"remove": 0.5, "add": 0.5, "reshape": 0.3, "shift": 0.3}  # edits per tile that may receive any
QUEUE_SHARES = {"remove": 0.42, "add": 0.42, "reshape": 0.21, "shift": 0.21}  # 60 edits on 48 tiles


@dataclass(frozen=True)
class MapEdition:
    """One edition of a place's map.

    Attributes:
        edited: the map and its edits; no edits where the map was made wrong in another way.
        state: (T,) int, UNTOUCHED, CHANGED, or UNDECIDED: touched by less than the truth rule calls wrong.
        share: (T,) share of the tile on which the map is wrong.
        kind: (T,) how the tile was made wrong; "" where it wasn't, "several" for more than one edit.
        taken: (T,) which tile's map each tile shows, where maps were exchanged; None elsewhere.
    """

    edited: EditedMap
    state: np.ndarray
    share: np.ndarray
    kind: np.ndarray
    taken: np.ndarray | None = None


@dataclass(frozen=True)
class PairSet:
    """Editions of one place; a pair is one tile under one edition.

    Attributes:
        name: "protocol", "single", "queue", "other-map" or "real".
        tiles: in the order of every edition's arrays.
    """

    name: str
    tiles: tuple[TileAddress, ...]
    editions: tuple[MapEdition, ...]

    @property
    def state(self) -> np.ndarray:
        """(E * T,) of all pairs, edition by edition."""
        return np.concatenate([edition.state for edition in self.editions])

    @property
    def share(self) -> np.ndarray:
        return np.concatenate([edition.share for edition in self.editions])

    @property
    def kind(self) -> np.ndarray:
        return np.concatenate([edition.kind for edition in self.editions])


def protocol_edition(edited: EditedMap, tiles: Sequence[TileAddress]) -> MapEdition:
    """Truth by the protocol: wrong on 2 % of the tile, or by one whole building of 40 m2 (`mlcore.synthetic.truth`)."""
    shares, wrong = changed_shares(edited.edits, tiles), tile_truth(edited.edits, tiles)
    share = np.array([shares[tile] for tile in tiles])
    state = np.where(share < NOTHING, UNTOUCHED, UNDECIDED)
    state[np.array([wrong[tile] for tile in tiles], bool)] = CHANGED
    return MapEdition(edited, state, np.where(share < NOTHING, 0.0, share), _kinds(edited.edits, tiles))


def single_edition(edited: EditedMap, tiles: Sequence[TileAddress]) -> MapEdition:
    """Truth where every edit is one building inside one tile: changed where the map is wrong on 40 m2 or more."""
    edition = protocol_edition(edited, tiles)
    wrong_m2 = edition.share * np.array([(TILE_PX * tile.resolution_m()) ** 2 for tile in tiles])
    touched = np.where(wrong_m2 >= WHOLE_BUILDING_M2, CHANGED, UNDECIDED)
    return replace(edition, state=np.where(edition.share > 0, touched, UNTOUCHED))


def protocol_set(index: MapIndex, tiles: Sequence[TileAddress], rounds: int, seed: int) -> PairSet:
    """`rounds` editions with several edits in half of the tiles, the next edition in the other half.

    Raises:
        InvalidInputError: the map has no room for a single edit.
    """
    features = list(index)
    editions = []
    for number, half in enumerate(halves(tiles, rounds, seed)):
        edited = edited_map(features, half, SHARES, 1000 * seed + number)
        editions.append(protocol_edition(edited, tiles))
    return PairSet("protocol", tuple(tiles), tuple(editions))


def queue_set(index: MapIndex, tiles: Sequence[TileAddress], rounds: int, seed: int) -> PairSet:
    """Editions with edits all over the place, for the queue of candidates."""
    features = list(index)
    made = [edited_map(features, tiles, QUEUE_SHARES, 1000 * seed + 500 + number) for number in range(rounds)]
    return PairSet("queue", tuple(tiles), tuple(protocol_edition(edited, tiles) for edited in made))


def single_set(index: MapIndex, tiles: Sequence[TileAddress], rounds: int, seed: int) -> PairSet:
    """Editions with exactly one edited building in each of half of the tiles, the next one in the other half.

    The four methods take turns over tiles and editions; a tile without room for its method gets the next that fits. A
    building that was reshaped on less than 40 m2 of ground is neither changed nor untouched.
    """
    editions = []
    for number, half in enumerate(halves(tiles, rounds, seed + 1)):
        edits: list[tuple[set[str], EditedMap]] = []
        for place, tile in enumerate(sorted(half)):
            first = place + number
            wanted = [SINGLE_METHODS[(first + step) % len(SINGLE_METHODS)] for step in range(len(SINGLE_METHODS))]
            found = _one_edit(index, tile, wanted, seed * 100_003 + number * 1009 + place)
            if found is not None:
                edits.append(found)
        editions.append(single_edition(_merged(list(index), edits), tiles))
    return PairSet("single", tuple(tiles), tuple(editions))


def halves(tiles: Sequence[TileAddress], rounds: int, seed: int) -> list[list[TileAddress]]:
    """Tiles that each round edits: a drawn half, then the other half, then another draw."""
    if len(tiles) < 2 or rounds < 1:
        raise InvalidInputError("pairs need at least 2 tiles and 1 round: give more tiles or --rounds")
    rng = np.random.default_rng([seed, 41])
    chosen: list[list[TileAddress]] = []
    while len(chosen) < rounds:
        order = rng.permutation(len(tiles)).tolist()
        cut = (len(tiles) + 1) // 2
        chosen += [[tiles[i] for i in order[:cut]], [tiles[i] for i in order[cut:]]]
    return chosen[:rounds]


def edited_map(
    features: Sequence[MapFeature], tiles: Sequence[TileAddress], shares: dict[str, float], seed: int
) -> EditedMap:
    """Edits by `shares` per tile inside `tiles`, or half as many until they fit."""
    scale = float(len(tiles))
    while True:
        counts = EditCounts(**{name: max(1, round(share * scale)) for name, share in shares.items()})
        try:
            return simulate_edits(features, counts=counts, tiles=tiles, seed=seed)
        except InvalidInputError:
            if scale < 1:
                raise
            scale /= 2


def _one_edit(
    index: MapIndex, tile: TileAddress, methods: Sequence[Method], seed: int
) -> tuple[set[str], EditedMap] | None:
    """Keys of the surroundings that were given, and what became of them."""
    west, south, east, north = tile.bounds_lonlat
    pad_x, pad_y = (east - west) / 4, (north - south) / 4
    features = index.query((west - pad_x, south - pad_y, east + pad_x, north + pad_y))
    names = {"deleted": "add", "invented": "remove", "reshaped": "reshape", "shifted": "shift"}
    for method in methods:
        try:
            edited = simulate_edits(features, counts=EditCounts(**{names[method]: 1}), tiles=[tile], seed=seed)
            return {feature.key for feature in features}, edited
        except InvalidInputError:
            continue
    return None


def _merged(base: Sequence[MapFeature], parts: Sequence[tuple[set[str], EditedMap]]) -> EditedMap:
    """One map with the edits of all parts, each made on its own surroundings; invented buildings get new ids."""
    known = {feature.key: feature for feature in base}
    next_id = max((abs(feature.osm_id or 0) for feature in base), default=0) + 1
    deleted: set[str] = set()
    replaced: dict[str, MapFeature] = {}
    invented: list[MapFeature] = []
    edits: list[SimulatedEdit] = []
    for given, part in parts:
        edit = part.edits[0]
        if edit.method == "invented":
            invented.append(replace(part.features[-1], osm_id=next_id))
            edit = replace(edit, osm_id=next_id)
            next_id += 1
        elif edit.method == "deleted":
            deleted |= given - {feature.key for feature in part.features}
        else:
            replaced |= {f.key: f for f in part.features if f.key in known and f is not known[f.key]}
        edits.append(edit)
    kept = [replaced.get(feature.key, feature) for feature in base if feature.key not in deleted]
    return EditedMap(kept + invented, edits)


def _kinds(edits: Sequence[SimulatedEdit], tiles: Sequence[TileAddress]) -> np.ndarray:
    found: dict[TileAddress, list[str]] = {tile: [] for tile in tiles}
    boxes = {tile: tile.polygon_lonlat for tile in tiles}
    for edit in edits:
        for tile, box in boxes.items():
            if box.intersects(edit.geometry):
                found[tile].append(edit.method)
    names = [made[0] if len(made) == 1 else ("several" if made else "") for made in found.values()]
    return np.array(names, dtype=object)
