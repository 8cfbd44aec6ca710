"""Two dates of a town: what was built, pulled down or extended, and where the map was wrong from the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from mlcore.synthetic import palette
from mlcore.synthetic.scene import Building, Part, Patch, Scene, Site
from mlcore.synthetic.shapes import raise_building

MIN_AREA_M2 = 40.0


@dataclass(frozen=True)
class Record:
    """One building of the story: at the earlier date, now, and as the map drew it (all scene metres)."""

    site: Site
    before: Building | None
    now: Building | None
    mapped: shapely.Polygon | None
    reason: str = ""


def tell_history(seed: int, scene: Scene, changed_share: float, error_share: float) -> list[Record]:
    """Give `changed_share` of the buildings a change, and `error_share` of the rest a badly drawn footprint.

    Changed buildings keep a distance from each other and lie wholly in the image, so that each can be scored alone.
    """
    rng = np.random.default_rng([seed, 3])
    outlines = [site.now.footprint for site in scene.sites if site.now]
    tree = shapely.STRtree(outlines)
    frame = shapely.box(4, 4, scene.width_m - 4, scene.height_m - 4)
    wanted = round(changed_share * len(scene.sites)), round(error_share * len(scene.sites))
    plan = ["new", "demolished", "extended"] * wanted[0]
    queue = plan[: wanted[0]] + ["shifted"] * wanted[1]
    records = {
        i: Record(site, site.now, site.now, site.now.footprint if site.now else None)
        for i, site in enumerate(scene.sites)
    }
    taken: list[shapely.Point] = []
    for i in rng.permutation(len(scene.sites)).tolist():
        if not queue:
            break
        building = scene.sites[i].now
        centre = building.footprint.centroid
        if building.footprint.area < MIN_AREA_M2 or not frame.contains(building.footprint):
            continue
        if any(centre.distance(other) < 22 for other in taken):
            continue
        record = _change(rng, queue[0], scene.sites[i], building, tree, i)
        if record is not None:
            records[i] = record
            taken.append(centre)
            queue.pop(0)
    return [records[i] for i in range(len(scene.sites))]


def _change(
    rng: np.random.Generator, reason: str, site: Site, building: Building, tree: shapely.STRtree, index: int
) -> Record | None:
    if reason == "new":
        return Record(site, None, building, None, reason)
    if reason == "demolished":
        return Record(site, building, None, building.footprint, reason)
    if reason == "extended":
        smaller = _smaller(rng, building)
        return Record(site, smaller, building, smaller.footprint, reason) if smaller else None
    for _ in range(12):
        turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(5.2, 8.5)
        moved = shapely.transform(
            building.footprint, lambda xy, t=turn, r=reach: xy + r * np.array([np.cos(t), np.sin(t)])
        )
        hits = [k for k in tree.query(moved, predicate="intersects").tolist() if k != index]
        if not hits:
            return Record(site, building, building, moved, reason)
    return None


def _smaller(rng: np.random.Generator, building: Building) -> Building | None:
    """The building before its extension: without its last wing, or with a shorter body (IoU at most 0.8)."""
    options: list[tuple[Part, ...]] = []
    if len(building.wings) > 1:
        options.append(building.wings[:-1])
    body = building.wings[0]
    share = rng.uniform(0.5, 0.68)
    if body.u1 - body.u0 >= body.v1 - body.v0:
        options.append((Part(body.u0, body.v0, body.u0 + (body.u1 - body.u0) * share, body.v1),))
    else:
        options.append((Part(body.u0, body.v0, body.u1, body.v0 + (body.v1 - body.v0) * share),))
    for wings in options:
        smaller = raise_building(building.frame, wings, building.height, building.roof, building.tone, building.use)
        outside = building.footprint.area - smaller.footprint.area
        if smaller.footprint.area >= MIN_AREA_M2 and outside > max(12.0, 0.2 * building.footprint.area):
            return smaller
    return None


def ground_of(records: list[Record], date: int) -> list[Patch]:
    """Ground that differs at `date` (0 earlier, 1 now): cleared plots and building sites."""
    patches = []
    for record in records:
        empty = record.before is None if date == 0 else record.now is None
        body = record.now or record.before
        if record.reason not in ("new", "demolished") or not empty or body is None:
            continue
        kind = int(body.tone * 613) % 3
        yard = shapely.Polygon(record.site.parcel).intersection(body.footprint.buffer(3.5))
        if kind < 2 and yard.geom_type == "Polygon":
            ring = shapely.get_coordinates(yard.exterior)
            patches.append(Patch(ring, (palette.BARE, palette.GRAVEL)[kind]))
    return patches
