"""Simulated edits of a real map: seeded, plausible errors with exact ground truth.

Kinds are named from the editor's side, as everywhere in the library: `add` is what an editor has to do where a real
building was deleted from the map, `remove` where an invented building was drawn on open ground, `modify` where a
footprint was reshaped, shifted, split or merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature
from mlcore.progress import Progress, SilentProgress, stop_if_asked
from mlcore.synthetic.edit_board import Board, Draft

EditKind = Literal["add", "remove", "modify"]
Method = Literal["deleted", "invented", "reshaped", "shifted", "split", "merged"]
KIND_OF: dict[Method, EditKind] = {
    "deleted": "add", "invented": "remove", "reshaped": "modify", "shifted": "modify", "split": "modify",
    "merged": "modify",
}  # fmt: skip


@dataclass(frozen=True)
class EditCounts:
    """How many edits of each sort.

    Attributes:
        remove: buildings invented on open ground (an editor would remove them).
        add: real buildings deleted from the map (an editor would add them).
        reshape, shift: footprints drawn in another shape, or 5 m or more off.
        split_merge: footprints cut in two, or two drawn as one, in turn.
    """

    remove: int = 0
    add: int = 0
    reshape: int = 0
    shift: int = 0
    split_merge: int = 0

    def __post_init__(self) -> None:
        if any(getattr(self, f.name) < 0 for f in fields(self)) or self.total == 0:
            raise ConfigError("counts of edits must be 0 or more, and at least one of them above 0")

    @property
    def total(self) -> int:
        return sum(getattr(self, f.name) for f in fields(self))

    def methods(self) -> list[Method]:
        split = self.split_merge - self.split_merge // 2
        counts: list[tuple[Method, int]] = [
            ("split", split), ("merged", self.split_merge // 2), ("invented", self.remove), ("shifted", self.shift),
            ("reshaped", self.reshape), ("deleted", self.add),
        ]  # fmt: skip
        return [method for method, count in counts for _ in range(count)]


@dataclass(frozen=True)
class SimulatedEdit:
    """One error that was put into the map, and what puts it right.

    Attributes:
        kind: what an editor has to do.
        before: the shape(s) on the edited map, degrees; None for add.
        after: the true shape(s), degrees; None for remove.
        osm_type, osm_id: the element on the edited map; for add the element that was deleted.
        method: how the error was made.
        others: keys of further elements involved (the second half of a split, the second house of a merger).
    """

    kind: EditKind
    before: BaseGeometry | None
    after: BaseGeometry | None
    osm_type: str | None
    osm_id: int | None
    method: Method
    others: tuple[str, ...] = ()

    @property
    def geometry(self) -> BaseGeometry:
        """The true shape; for remove the invented one."""
        shape = self.after if self.after is not None else self.before
        if shape is None:
            raise ConfigError("an edit needs a shape before or after")
        return shape


@dataclass(frozen=True)
class EditedMap:
    """A map with errors put in: untouched features are the very objects that were given."""

    features: list[MapFeature]
    edits: list[SimulatedEdit]


def simulate_edits(
    features: Sequence[MapFeature],
    *,
    counts: EditCounts,
    area: BaseGeometry | None = None,
    tiles: Sequence[TileAddress] | None = None,
    seed: int = 0,
    free: Callable[[shapely.Polygon], bool] | None = None,
    cluster: float = 1.0,
    spacing_m: float = 8.0,
    min_area_m2: float = 40.0,
    as_many_as_fit: bool = False,
    progress: Progress | None = None,
) -> EditedMap:
    """Put errors into a map.

    Args:
        features: the map, taken to be true.
        area: edits lie wholly inside it (degrees); None = anywhere.
        tiles: edits lie wholly inside these tiles together.
        free: says of a polygon in degrees whether a building may be invented there (for example from the image's valid
            mask or its building evidence); asked after all other tests.
        cluster: share (0..1] of `tiles` that may receive edits, so that whole tiles stay untouched.
        spacing_m: least distance between two edits, metres on the ground.
        min_area_m2: smallest building that is edited or copied.
        as_many_as_fit: `counts` are upper bounds; where there is no place left for a sort of error, the others go on.

    Raises:
        ConfigError: a count, `cluster` or a distance out of range.
        InvalidInputError: the map has no room for so many edits.
        StoppedError: `progress` asked to stop.
    """
    progress = progress or SilentProgress()
    if not 0 < cluster <= 1 or (cluster < 1 and not tiles):
        raise ConfigError("cluster must be in (0, 1], and below 1 it needs the tiles to choose from")
    if spacing_m < 0 or min_area_m2 <= 0:
        raise ConfigError("spacing_m must be 0 or more and min_area_m2 above 0")
    if as_many_as_fit and not any(_editable(feature) for feature in features):
        return EditedMap(list(features), [])
    rng = np.random.default_rng([seed, 17])
    region = _region(rng, area, tiles, cluster)
    board = Board(features, region, rng, free=free, spacing_m=spacing_m, min_area_m2=min_area_m2)
    makers: dict[Method, Callable[[], Draft | None]] = {
        "deleted": board.delete, "invented": board.invent, "reshaped": board.reshape,
        "shifted": board.shift, "split": board.split, "merged": board.merge,
    }  # fmt: skip
    edits: list[SimulatedEdit] = []
    methods, full = counts.methods(), set[Method]()
    for done, method in enumerate(methods):
        stop_if_asked(progress)
        draft = makers[method]() if method not in full else None
        if draft is None and as_many_as_fit:
            full.add(method)
            continue
        if draft is None:
            raise InvalidInputError(
                f"only {done} of {len(methods)} edits fit (no place left for one {method}): ask for fewer edits, give "
                "more tiles or a larger area, or lower spacing_m or min_area_m2"
            )
        before, after = board.degrees(draft.before), board.degrees(draft.after)
        edits.append(
            SimulatedEdit(KIND_OF[method], before, after, draft.osm_type, draft.osm_id, method, tuple(draft.others))
        )
        progress.report((done + 1) / len(methods), f"{done + 1} of {len(methods)} edits")
    order = rng.permutation(len(edits)).tolist()
    return EditedMap(board.result(), [edits[i] for i in order])


def _editable(feature: MapFeature) -> bool:
    return feature.kind == "building" and isinstance(feature.geometry, shapely.Polygon)


def _region(
    rng: np.random.Generator, area: BaseGeometry | None, tiles: Sequence[TileAddress] | None, cluster: float
) -> BaseGeometry | None:
    region = area
    if tiles is not None:
        chosen = sorted(tiles)
        if cluster < 1:
            picks = rng.permutation(len(chosen))[: max(1, round(cluster * len(chosen)))]
            chosen = [chosen[i] for i in sorted(picks.tolist())]
        # Neighbouring tiles share exact corners, so their union has no seams.
        union = shapely.union_all([tile.polygon_lonlat for tile in chosen], grid_size=1e-9)
        region = union if region is None else region.intersection(union)
    return region
