"""Published sets as they lie on disk, for geolocation: bases, queries of them or of other dates, and foreign ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.grounds import PictureGround
from mlcore.evaluation.geolocation.queries import Kind, Reach, Site, draw_queries
from mlcore.evaluation.geolocation.reference import Reference
from mlcore.evaluation.readers.base_maps import (
    MTGL_RESOLUTION_M,
    TZC_RESOLUTION_M,
    read_base_maps,
    read_dated_scenes,
)
from mlcore.geolocation.bases import PictureBases
from mlcore.suites.geolocation import MOST_OF_BASE, Suite, picture_sites

Layout = Literal["tzc", "mtgl"]
FOREIGN_EVERY = 5
"""Of so many maps or scenes the last is no base: foreign queries are cut from it."""


def set_suite(
    root: Path, layout: Layout, *, queries: int, seed: int = 0, resolution_m: float | None = None,
    reach: Reach | None = None,
) -> Suite:  # fmt: skip
    """The protocol on a set: of "tzc" queries are cut from the bases, of "mtgl" from all other dates.

    Args:
        resolution_m: of the pictures; None: the published one.

    Raises:
        InvalidInputError: the folder is not laid out so, or holds a single map or scene.
    """
    step = resolution_m or (TZC_RESOLUTION_M if layout == "tzc" else MTGL_RESOLUTION_M)
    if layout == "tzc":
        shown = [(path, [path]) for path in read_base_maps(root)]
        kind: Kind = "same_flight"
    else:
        scenes = read_dated_scenes(root)
        shown = [(one.dates[0][1], [path for _, path in one.dates[1:]]) for one in scenes]
        kind = "other_date"
    if len(shown) < 2:
        raise InvalidInputError(f"{root} holds a single map: nothing is sought among one base")
    strangers = [path for number, (path, _) in enumerate(shown, 1) if number % FOREIGN_EVERY == 0]
    kept = [one for number, one in enumerate(shown, 1) if number % FOREIGN_EVERY]
    source = PictureBases([path for path, _ in kept], root)
    reference = Reference({layout: source}, step)
    sites = [site for base, (_, paths) in zip(source, kept, strict=True) for site in _sites(
        base.name, paths, kind, reference, layout, root)]  # fmt: skip
    foreign = picture_sites(strangers, f"foreign {layout}", step, root)
    return Suite(
        reference,
        tuple(draw_queries(sites, reference, queries, seed, reach)),
        (),
        tuple(draw_queries(foreign, reference, queries, seed, reach)) if foreign else (),
        (*sites, *foreign),
    )


def _sites(name: str, paths: Sequence[Path], kind: Kind, reference: Reference, place: str, root: Path) -> list[Site]:
    found = []
    for path in paths:
        ground = PictureGround(path, reference.base_of[name], reference.plane_of[name])
        most = MOST_OF_BASE * ground.side_m
        found.append(Site(place, path.relative_to(root).as_posix(), ground, kind, ground.resolution_m, most))
    return found
