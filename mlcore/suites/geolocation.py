"""The reference set and the queries that geolocation is measured on: real places, and pictures of none among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.grounds import PictureGround, RasterGround
from mlcore.evaluation.geolocation.queries import Kind, Plan, Reach, Site, draw_queries
from mlcore.evaluation.geolocation.reference import RESOLUTION_M, SIDE_PX, Reference, cut_place, plane_of
from mlcore.geolocation.bases import Base, BaseSource, PictureBases
from mlcore.progress import Progress, SilentProgress
from mlcore.suites.places import towns

HELD_OUT = ("banepa", "dhaka", "nacala", "bakerlake")
LEARNT = ("zanzibar", "nairobi", "austin", "massachusetts")
"""Places that locators are taught on: what they reach there is told apart."""
TILED, CLASSES, PHOTOS = "massachusetts", "ucmerced", "photos"
DISTRACTORS, TOWNS = 1000, 8
FOREIGN_EACH = 10
"""Pictures of each class of UC Merced that foreign queries are cut from; none of them is a base."""
MOST_OF_BASE, MOST_OF_PLACE = 0.5, 0.8
"""A query covers at most so much of a base's side, and of the shorter side of its place."""
FAR = 50_000
"""Pictures that are no bases lie on the plane from this number on."""


@dataclass(frozen=True)
class Suite:
    """What is searched, and what is asked.

    Attributes:
        held_out, learnt, foreign: queries of places that nothing was learnt on, of others, and of no base.
        sites: that they were drawn on.
    """

    reference: Reference
    held_out: tuple[Plan, ...]
    learnt: tuple[Plan, ...]
    foreign: tuple[Plan, ...]
    sites: tuple[Site, ...]

    @property
    def plans(self) -> list[Plan]:
        return [*self.held_out, *self.learnt, *self.foreign]


def standard_suite(
    data: Path,
    work: Path,
    *,
    queries: int,
    seed: int = 0,
    distractors: int = DISTRACTORS,
    made_towns: int = TOWNS,
    side_px: int = SIDE_PX,
    reach: Reach | None = None,
    progress: Progress | None = None,
) -> Suite:
    """Every real place of the shared data as bases, UC Merced's pictures and made towns among them.

    Every other tile of Massachusetts is no base: foreign queries are cut from these, from pictures of UC Merced that
    are no bases, and from drone photos of elsewhere.

    Args:
        queries: of held-out places; as many foreign ones, and half as many of places that were learnt on.
        distractors: pictures of UC Merced among the bases; made_towns: towns among them.

    Raises:
        InvalidInputError: the data's folder lacks a place.
    """
    tiles = rasters(data / TILED)
    shown = {name: rasters(data / name) for name in (*HELD_OUT, *LEARNT)} | {TILED: tiles[::2]}
    places: dict[str, BaseSource] = {
        name: cut_place(paths, name, side_px=side_px) for name, paths in shown.items() if paths
    }
    pictures, spare = _classes(data / CLASSES, distractors)
    if pictures:
        places[CLASSES] = PictureBases(pictures, data)
    for town in towns(range(made_towns), work / "towns", progress=progress or SilentProgress()):
        path = town.source.reader.path
        places[town.name] = cut_place([path], town.name, side_px=side_px)
    reference = Reference(places)
    sites = [_site(path, name, "same_flight", side_px) for name, paths in shown.items() for path in paths]
    foreign = [_site(path, f"foreign {TILED}", "foreign", side_px) for path in tiles[1::2]]
    foreign += picture_sites(spare, f"foreign {CLASSES}", RESOLUTION_M, data)
    foreign += picture_sites(sorted((data / PHOTOS).glob("dji*.JPG")), f"foreign {PHOTOS}", 0.05, data)
    held_out = [site for site in sites if site.place in HELD_OUT]
    learnt = [site for site in sites if site.place in LEARNT]
    return Suite(
        reference,
        tuple(draw_queries(held_out, reference, queries, seed, reach)),
        tuple(draw_queries(learnt, reference, max(1, queries // 2), seed, reach)),
        tuple(draw_queries(foreign, reference, queries, seed, reach)),
        (*sites, *foreign),
    )


def folders_suite(
    folders: Sequence[Path], foreign: Sequence[Path], *, queries: int, seed: int = 0, side_px: int = SIDE_PX,
    reach: Reach | None = None,
) -> Suite:  # fmt: skip
    """The same of any folders of georeferenced rasters, a place each; none of them is taken to have been learnt on.

    Args:
        foreign: folders of rasters that are no bases, and that show nothing of them.
    """
    shown = {folder.name: rasters(folder) for folder in folders}
    reference = Reference({name: cut_place(paths, name, side_px=side_px) for name, paths in shown.items()})
    sites = [_site(path, name, "same_flight", side_px) for name, paths in shown.items() for path in paths]
    others = [
        _site(path, f"foreign {folder.name}", "foreign", side_px) for folder in foreign for path in rasters(folder)
    ]
    drawn = tuple(draw_queries(sites, reference, queries, seed, reach))
    strangers = tuple(draw_queries(others, reference, queries, seed, reach)) if others else ()
    return Suite(reference, drawn, (), strangers, (*sites, *others))


def rasters(folder: Path) -> list[Path]:
    """The *.tif of a place.

    Raises:
        InvalidInputError: it has none.
    """
    found = sorted(folder.glob("*.tif"))
    if not found:
        raise InvalidInputError(f"{folder} holds no *.tif: say with --data where the real places lie")
    return found


def picture_sites(paths: Sequence[Path], place: str, resolution_m: float, root: Path) -> list[Site]:
    """Pictures of no base as sites of foreign queries."""
    sites = []
    for number, path in enumerate(paths):
        (base,) = PictureBases([path], root)
        ground = PictureGround(path, base, plane_of(base, FAR + number, resolution_m))
        most = MOST_OF_PLACE * ground.side_m
        sites.append(Site(place, f"foreign {base.name}", ground, "foreign", resolution_m, most))
    return sites


def picture_site(path: Path, place: str, kind: Kind, base: Base, plane: object) -> Site:
    """A picture that shows what a base shows, as a site: the base's own, or one of another date."""
    ground = PictureGround(path, base, plane)  # type: ignore[arg-type]
    most = min(MOST_OF_BASE, MOST_OF_PLACE) * ground.side_m
    return Site(place, f"{place}/{path.name}", ground, kind, ground.resolution_m, most)


def _site(path: Path, place: str, kind: Kind, side_px: int) -> Site:
    ground = RasterGround(path)
    step = max(ground.resolution_m, RESOLUTION_M)
    most = min(MOST_OF_BASE * side_px * step, MOST_OF_PLACE * ground.side_m)
    return Site(place, f"{place}/{path.stem}", ground, kind, step, most)


def _classes(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Pictures of UC Merced that are bases, as many of each class, and others that are none."""
    classes = [sorted(one.glob("*.jpg")) for one in sorted(folder.glob("*")) if one.is_dir()]
    if not classes:
        raise InvalidInputError(f"{folder} holds no folders of *.jpg: say with --data where the real places lie")
    pictures = [path for row in zip(*(one[:-FOREIGN_EACH] for one in classes), strict=False) for path in row][:count]
    if len(pictures) < count:
        raise InvalidInputError(f"{folder} has only {len(pictures)} pictures for distractors: ask for no more")
    spare = [path for row in zip(*(one[-FOREIGN_EACH:] for one in classes), strict=False) for path in row]
    return pictures, spare
