"""Rows of bases <-> the library's bases: cut from imagery, files and areas of tiles, and read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from annotation.geolocation.engine.tile_blocks import OVERLAP, tile_picture
from annotation.geolocation.models import BaseState, ReferenceBase, ReferenceFile, ReferenceKind, ReferenceSet
from annotation.sources.engine import to_multipolygon
from annotation.sources.models import Imagery
from annotation.sources.services.files import absolute
from mlcore.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np

    from mlcore.geolocation.bases import Base
    from mlcore.geolocation.cutting import Sheet

RESOLUTION_M = 0.5
STEP = 2000
"""Rows that are read at once."""
Cut = list[ReferenceBase]


def cut_imagery(of_set: ReferenceSet, imagery: Imagery) -> Cut:
    """Bases of a region's imagery, not stored yet.

    Raises:
        InvalidInputError: its file is gone, or can't be cut.
    """
    cut = _cut(absolute(imagery.cog_path), _resolution(of_set, imagery.resolution_m), f"{of_set.pk}/i{imagery.pk}")
    return [_row(of_set, base, imagery=imagery) for base in cut]


def cut_file(of_set: ReferenceSet, file: ReferenceFile, resolution_m: float) -> Cut:
    """Bases of a file that was read in, not stored yet; InvalidInputError as above."""
    cut = _cut(absolute(file.cog_path), _resolution(of_set, resolution_m), f"{of_set.pk}/f{file.pk}")
    return [_row(of_set, base, file=file) for base in cut]


def _resolution(of_set: ReferenceSet, own_m: float | None) -> float:
    """What is said of the set, else that of the raster where it is coarser than bases usually are."""
    return of_set.resolution_m or max(RESOLUTION_M, own_m or 0.0)


def _cut(path: Path, resolution_m: float, label: str) -> Sequence[Base]:
    from mlcore.geolocation.bases import BaseGrid, RasterBases

    if not path.is_file():
        raise InvalidInputError(f"the file {path.name} of {label} is gone: import it again")
    grid = BaseGrid(side_px=settings.REFERENCE_BASE_PX, overlap=OVERLAP, resolution_m=resolution_m)
    return list(RasterBases(path, grid, label))


def _row(of_set: ReferenceSet, base: Base, **source: Any) -> ReferenceBase:
    transform = base.transform
    if transform is None:
        raise InvalidInputError(f"{base.name} says nothing of its place: add a georeferenced file")
    return ReferenceBase(
        set=of_set, name=base.name, footprint=to_multipolygon(base.outline_lonlat), transform=list(transform[:6]),
        width=base.width, height=base.height, digest=base.digest, **source,
    )  # fmt: skip


def base_of(row: ReferenceBase) -> Base:
    """A row as the library's base."""
    from affine import Affine

    from mlcore.geolocation.bases import Base

    return Base(row.name, Affine(*row.transform), row.height, row.width, row.digest)


class RowBases:
    """The bases of all sets as the library's source; one that can't be read has no picture, and its row says why."""

    def __iter__(self) -> Iterator[Base]:
        """In pages by key: no row is held, and no cursor is open while features are made."""
        from affine import Affine

        from mlcore.geolocation.bases import Base

        rows, last = ReferenceBase.objects.usable().order_by("pk"), 0
        fields = ("pk", "name", "transform", "height", "width", "digest")
        while page := list(rows.filter(pk__gt=last).values_list(*fields)[:STEP]):
            last = page[-1][0]
            for _, name, transform, height, width, digest in page:
                yield Base(name, Affine(*transform), height, width, digest)

    def __len__(self) -> int:
        return ReferenceBase.objects.usable().count()

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        """(H, W, 3) uint8 and (H, W) bool; nothing valid where the file is gone or broken."""
        import numpy as np
        from affine import Affine

        from mlcore.geolocation.cutting import read_onto

        row = ReferenceBase.objects.select_related("set", "imagery", "file").defer("footprint").get(name=base.name)
        transform = Affine(*row.transform)
        try:
            return read_onto(_sheet(str(picture_of(row)), row.digest), transform, row.height, row.width)
        except InvalidInputError as error:
            ReferenceBase.objects.filter(pk=row.pk).update(state=BaseState.FAILED, error=str(error)[:300])
            return np.zeros((base.height, base.width, 3), np.uint8), np.zeros((base.height, base.width), bool)


def picture_of(row: ReferenceBase) -> Path:
    """The raster that a base lies in."""
    if row.set.kind == ReferenceKind.TILES:
        return tile_picture(row)
    if row.imagery is not None:
        return absolute(row.imagery.cog_path)
    return absolute(row.file.cog_path if row.file is not None else "")


@lru_cache(maxsize=16)
def _sheet(path: str, digest: str) -> Sheet:
    """How a raster is read; its file never changes under its digest."""
    from mlcore.geolocation.cutting import open_sheet

    return open_sheet(Path(path))
