"""What one block of tiles gives when evidence and map are compared, block by block on all cores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate
from mlcore.changes.diff import Measures, blocks_of, candidates_of, map_about, measure_block
from mlcore.changes.measure import ABOUT_M
from mlcore.changes.moves import MapMoves
from mlcore.changes.verdicts import VerdictsOf
from mlcore.cores import Cores
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS
from mlcore.progress import Progress


@dataclass(frozen=True)
class BlockFound:
    """What one block of tiles gave, before what lies on its border is settled with its neighbours.

    Attributes:
        tiles: those of the block that were asked for.
        largest: the largest difference of evidence and map on each of them.
    """

    tiles: Sequence[TileAddress]
    candidates: Sequence[Candidate]
    largest: Mapping[TileAddress, float]


@dataclass(frozen=True)
class Edit:
    """Where one edition of a map differs from another.

    Attributes:
        ground: with what is near enough to be weighed otherwise, in degrees.
        keys: the footprints of the earlier edition that are.
    """

    ground: BaseGeometry
    keys: frozenset[str]

    @classmethod
    def of(cls, index: MapIndex, ground: BaseGeometry) -> Edit:
        """Args: index: the earlier edition."""
        near = index.query(padded(ground.bounds, ABOUT_M), BUILDINGS)
        return cls(ground, frozenset(feature.key for feature in near))

    def touches(self, candidate: Candidate) -> bool:
        """Whether a candidate of the earlier edition must be found anew."""
        if candidate.key is not None and candidate.part is None:
            return candidate.key in self.keys
        return bool(candidate.differs_on.intersects(self.ground))


@dataclass(frozen=True)
class Compared:
    """What all blocks of a comparison share: the image's evidence, what the map is moved by, whose verdicts count."""

    evidence: EvidenceReader
    moves: MapMoves
    verdicts_of: VerdictsOf


@dataclass(frozen=True)
class Block:
    """One block to be compared; what was not asked for stays as it was.

    Attributes:
        index: the map, or as much of it as the block needs.
        members: the tiles of the block.
        asked: those of them that are measured.
        earlier: what the block gave before; None: what was not asked for is left out.
        edit: all that is another than before; None: everything may be.
    """

    index: MapIndex
    corner: TileAddress
    members: Sequence[TileAddress]
    asked: Collection[TileAddress]
    earlier: BlockFound | None = None
    edit: Edit | None = None

    @property
    def seen(self) -> Sequence[TileAddress]:
        """The tiles that it is measured with: all of its block is what an edit need not be seen with."""
        return self.members if self.edit is None else list(self.asked)

    def found(self, candidates: Sequence[Candidate], largest: Mapping[TileAddress, float]) -> BlockFound:
        """The block with what was measured of it."""
        earlier, edit = self.earlier, self.edit
        if earlier is None:
            return BlockFound(self.members, candidates, largest)
        kept = [
            one
            for one in earlier.candidates
            if one.tile not in self.asked or (edit is not None and not edit.touches(one))
        ]
        return BlockFound(self.members, [*kept, *candidates], {**earlier.largest, **largest})


def blocks_found(
    compared: Compared,
    blocks: Sequence[Block],
    cores: Cores,
    *,
    beside: Callable[[], None] | None = None,
    progress: Progress | None = None,
) -> list[BlockFound]:
    """Every block, in order; of what was measured the candidates alone are kept.

    Args:
        beside: what this process does before it compares as well.

    Raises:
        StoppedError: asked to stop.
    """

    def sent(block: Block) -> Block:
        near = MapIndex(map_about(block.index, block.corner, block.seen, compared.moves))
        return replace(block, index=near, earlier=None)

    measured = cores.each(
        _measured, compared, blocks, sent=sent, beside=beside, progress=progress, message="comparing evidence and map"
    )
    return [block.found(*answer) for block, answer in zip(blocks, measured, strict=True)]


def _measured(compared: Compared, block: Block) -> tuple[list[Candidate], Mapping[TileAddress, float]]:
    only = [tile for tile in block.members if tile in block.asked]
    measures = measure_block(
        compared.evidence, block.index, block.corner, block.seen, compared.moves, only,
        within=block.edit.ground if block.edit else None, verdicts_of=compared.verdicts_of,
    )  # fmt: skip
    return candidates_of(measures, compared.verdicts_of), measures.largest


def measured_maps(
    evidence: EvidenceReader,
    maps: Sequence[MapIndex],
    tiles: Collection[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    *,
    cores: Cores | None = None,
    progress: Progress | None = None,
) -> list[list[Measures]]:
    """All that is measured on `tiles` under each of some maps, block by block, as `iter_measures` tells it of one map.

    Raises:
        StoppedError: asked to stop.
    """
    blocks, moves = blocks_of(tiles), MapMoves(shifts)
    items = [(index, corner, members) for index in maps for corner, members in blocks.items()]

    def sent(item: tuple[MapIndex, TileAddress, Sequence[TileAddress]]) -> object:
        index, corner, members = item
        return MapIndex(map_about(index, corner, members, moves)), corner, members

    found = (cores or Cores()).each(
        _measures, (evidence, moves), items, sent=sent, progress=progress, message="comparing evidence and map"
    )
    flat = iter(replace(one, moves=moves) for one in found)
    return [[next(flat) for _ in blocks] for _ in maps]


NO_MOVES = MapMoves({})
"""What a helper answers in place of the moves that it was given: all blocks share them."""


def _measures(
    shared: tuple[EvidenceReader, MapMoves], item: tuple[MapIndex, TileAddress, Sequence[TileAddress]]
) -> Measures:
    evidence, moves = shared
    return replace(measure_block(evidence, *item, moves), moves=NO_MOVES)
