"""The geometric generator: an anchor computed from the map's vectors, honest about what vectors can't show.

Roofs are unknown. Construction is unknown unless tags say so: a map that shows no building site doesn't prove there is
none. Land use comes from tags where they tell, otherwise from size and density, otherwise "mixed". Thresholds stand
beside each function; all lengths are metres on the ground.
"""

from __future__ import annotations

import numpy as np
import shapely

from mlcore.anchors.measures import Measures, measure
from mlcore.anchors.schema import Anchor, parse_anchor
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex

GENERATOR = "geometric"
UNBUILT = frozenset({"construction"})
BUILDING_USES: dict[str, str] = {
    **dict.fromkeys(("house", "residential", "apartments", "detached", "terrace", "hut"), "residential"),
    **dict.fromkeys(("semidetached_house", "bungalow", "dormitory", "static_caravan"), "residential"),
    **dict.fromkeys(("garage", "garages", "shed"), "residential"),
    **dict.fromkeys(("commercial", "retail", "office", "supermarket", "hotel", "kiosk"), "commercial"),
    **dict.fromkeys(("industrial", "warehouse", "factory", "manufacture", "storage_tank"), "industrial"),
    **dict.fromkeys(("school", "hospital", "university", "college", "church", "mosque", "temple"), "institutional"),
    **dict.fromkeys(("public", "civic", "government", "kindergarten", "fire_station"), "institutional"),
    **dict.fromkeys(("barn", "farm", "farm_auxiliary", "greenhouse", "cowshed", "stable"), "agricultural"),
    **dict.fromkeys(("sports_hall", "stadium", "grandstand", "pavilion"), "recreational"),
    **dict.fromkeys(("train_station", "transportation", "hangar", "parking"), "transport"),
}  # fmt: skip
GREEN_USES: dict[str, str] = {
    **dict.fromkeys(("farmland", "orchard", "vineyard", "farmyard", "meadow", "allotments"), "agricultural"),
    **dict.fromkeys(("park", "pitch", "golf_course", "garden", "playground", "recreation_ground"), "recreational"),
}


def describe_tile(tile: TileAddress, features: MapIndex) -> Anchor:
    """The anchor of a tile, from the map's features that meet it.

    Returns:
        An anchor that fits the schema, whatever the map holds; the same map gives the same anchor.
    """
    measures = measure(tile, features.query(tile.bounds_lonlat))
    values = {
        "building_density": building_density(measures),
        "dominant_building_size": dominant_building_size(measures),
        "block_pattern": block_pattern(measures),
        "building_arrangement": building_arrangement(measures),
        "outline_complexity": outline_complexity(measures),
        "roof_hint": "unknown" if measures.footprints else "none",
        "construction_state": construction_state(measures),
        "road_layout": road_layout(measures),
        "road_density": road_density(measures),
        "open_space": open_space(measures),
        "land_use": land_use(measures),
    }
    return parse_anchor({**values, "summary": summarise(values, len(measures.footprints), measures)})


def building_density(measures: Measures) -> str:
    """Share of the tile under buildings: below 0.2 % none, 8 % sparse, 20 % moderate, 40 % dense, else very dense."""
    return _step(measures.built_share, (0.002, 0.08, 0.20, 0.40), "none sparse moderate dense very_dense")


def dominant_building_size(measures: Measures) -> str:
    """The class of more than half of the buildings: below 60 m2 small, 200 medium, 800 large, else very large."""
    if not len(measures.areas_m2):
        return "none"
    classes = np.digitize(measures.areas_m2, (60.0, 200.0, 800.0))
    counts = np.bincount(classes, minlength=4)
    if counts.max() * 2 <= counts.sum():
        return "mixed"
    return ("small", "medium", "large", "very_large")[int(counts.argmax())]


def block_pattern(measures: Measures) -> str:
    """Courtyards first, then how the buildings lie to one another and to one direction.

    Courtyard: an outline with a hole of 30 m2 or more. Scattered: fewer than 4 buildings, or a median gap above 20 m.
    Linear: the middles lie along one line (spread across below 0.25 of that along). Grid: directions agree by 0.7.
    Cul-de-sac: a road ends within the tile and none meets. Radial: five roads or more and one point where they meet.
    """
    count = len(measures.footprints)
    if not count:
        return "none"
    if any(_largest_hole_m2(footprint) >= 30.0 for footprint in measures.footprints):
        return "courtyard"
    if count < 4 or float(np.median(measures.nearest_m)) > 20.0:
        return "scattered"
    if _spread(measures) < 0.25:
        return "linear"
    if measures.alignment >= 0.7:
        return "grid"
    if _dead_ends(measures) and not measures.junctions:
        return "cul_de_sac"
    return "radial" if measures.junctions == 1 and len(measures.roads) >= 5 else "irregular"


def building_arrangement(measures: Measures) -> str:
    """From who touches whom: most touch nobody = detached (clustered where gaps are below 2 m), one = semi-detached,
    two = row; outlines around a hole = perimeter; no majority = mixed."""
    count = len(measures.footprints)
    if not count:
        return "none"
    if sum(_largest_hole_m2(footprint) >= 30.0 for footprint in measures.footprints) * 2 > count:
        return "perimeter"
    alone = measures.neighbours == 0
    if alone.mean() > 0.5:
        return "clustered" if count >= 4 and float(np.median(measures.nearest_m)) < 2.0 else "detached"
    touching = measures.neighbours[~alone]
    if alone.mean() < 0.4 and (touching == 1).mean() > 0.7:
        return "semi_detached"
    return "row" if alone.mean() < 0.4 and (touching <= 2).mean() > 0.7 else "mixed"


def outline_complexity(measures: Measures) -> str:
    """The class of more than half of the outlines: rectangular fills 90 % of its smallest rectangle, round has 8
    corners or more and fills 85 % of a circle, L-shaped fills 55 % with at most 8 corners, else complex."""
    if not measures.footprints:
        return "none"
    classes = [_outline_class(footprint) for footprint in measures.footprints]
    best = max(sorted(set(classes)), key=classes.count)
    return best if classes.count(best) * 2 > len(classes) else "mixed"


def construction_state(measures: Measures) -> str:
    """Only tags tell: building=construction on any building, else landuse=construction or brownfield, else unknown."""
    if any(tags.get("building") in UNBUILT or "construction" in tags for tags in measures.building_tags):
        return "under_construction"
    uses = {tags.get("landuse") for tags in measures.green_tags}
    if "construction" in uses:
        return "under_construction"
    return "cleared" if "brownfield" in uses and not measures.footprints else "unknown"


def road_layout(measures: Measures) -> str:
    """Interchange: three motorway-like roads or more and two junctions. Then by junctions: none = single (winding where
    1.25 times longer than straight), one = junction, more = grid where roads agree by 0.7, else branching."""
    if not measures.roads:
        return "none"
    if measures.major_roads >= 3 and measures.junctions >= 2:
        return "interchange"
    if measures.junctions == 0:
        return "winding" if measures.bend > 1.25 else "single"
    if measures.junctions == 1:
        return "junction"
    return "grid" if _road_alignment(measures) >= 0.7 else "branching"


def road_density(measures: Measures) -> str:
    """Kilometres of road per square kilometre: below 0.5 none, 8 low, 18 medium, else high."""
    return _step(measures.density_km, (0.5, 8.0, 18.0), "none low medium high")


def open_space(measures: Measures) -> str:
    """Share of the tile without building: below 50 % none, 75 % small gaps, 95 % large, else dominant."""
    return _step(1.0 - measures.built_share, (0.50, 0.75, 0.95), "none small_gaps large dominant")


def land_use(measures: Measures) -> str:
    """What tags say of most of the tagged buildings; else of the green; else size: four or more small buildings are
    residential, a rail line or major road alone is transport, an unbuilt tile is undeveloped, the rest is mixed."""
    uses = [BUILDING_USES[tags["building"]] for tags in measures.building_tags if tags.get("building") in BUILDING_USES]
    if uses and len(uses) * 4 >= len(measures.building_tags):
        best = max(sorted(set(uses)), key=uses.count)
        return best if uses.count(best) * 2 > len(uses) else "mixed"
    if building_density(measures) == "none":
        tagged = [GREEN_USES.get(tags.get("leisure") or tags.get("landuse") or "") for tags in measures.green_tags]
        told = [use for use in tagged if use]
        if told and measures.green_share >= 0.3:
            return max(sorted(set(told)), key=told.count)
        return "transport" if measures.rails or measures.major_roads else "undeveloped"
    small = dominant_building_size(measures) in ("small", "medium")
    return "residential" if small and len(measures.footprints) >= 4 else "mixed"


def summarise(values: dict[str, str], count: int, measures: Measures) -> str:
    """One plain sentence on the structure, at most 40 words."""
    said = {name: value.replace("_", " ") for name, value in values.items()}
    if count:
        size = "" if said["dominant_building_size"] == "mixed" else f"{said['dominant_building_size']} "
        noun = "building" if count == 1 else "buildings"
        amount = {1: "One", 2: "Two", 3: "Three"}.get(count, "A few" if count < 8 else "Many")
        first = f"{amount} {said['building_arrangement']} {size}{noun}, {said['outline_complexity']} in outline"
        first += f", {said['block_pattern']} pattern, {said['building_density']} coverage"
    else:
        first = "No buildings"
    roads = "no roads" if values["road_layout"] == "none" else f"{said['road_layout']} road layout"
    nature = [
        word for word, share in (("green", measures.green_share), ("water", measures.water_share)) if share >= 0.1
    ]
    extra = f", with {' and '.join(nature)}" if nature else ""
    ending = {
        "none": "",
        "small_gaps": " and small gaps",
        "large": " and large open space",
        "dominant": " and open ground",
    }
    return f"{first}; {roads}{ending[values['open_space']]}{extra}; {said['land_use']} use."


def _step(value: float, limits: tuple[float, ...], names: str) -> str:
    return names.split()[int(np.digitize(value, limits))]


def _largest_hole_m2(footprint: shapely.Geometry) -> float:
    polygons = [part for part in shapely.get_parts(footprint) if isinstance(part, shapely.Polygon)]
    return max((shapely.Polygon(ring).area for polygon in polygons for ring in polygon.interiors), default=0.0)


def _outline_class(footprint: shapely.Geometry) -> str:
    simple = shapely.simplify(footprint, 0.5)
    corners = len(shapely.get_coordinates(simple)) - 1
    rectangle = shapely.minimum_rotated_rectangle(footprint).area
    radius = shapely.minimum_bounding_radius(footprint)
    if corners >= 8 and radius > 0 and footprint.area / (np.pi * radius**2) >= 0.85:
        return "round"
    fill = footprint.area / rectangle if rectangle > 0 else 0.0
    if fill >= 0.9:
        return "rectangular"
    return "l_shaped" if fill >= 0.55 and corners <= 8 else "complex"


def _spread(measures: Measures) -> float:
    """Spread of the buildings' middles across their main line / along it, 0..1."""
    middles = shapely.get_coordinates(shapely.centroid(measures.footprints))
    across, along = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(middles.T)), 0.0))
    return float(across / along) if along > 0 else 1.0


def _dead_ends(measures: Measures) -> int:
    ends = np.array([c for road in measures.roads for c in (road.coords[0][:2], road.coords[-1][:2])]).reshape(-1, 2)
    return int(((ends > 1.0) & (ends < measures.side_m - 1.0)).all(axis=1).sum())


def _road_alignment(measures: Measures) -> float:
    """How much the roads' segments, weighted by length, share one direction or its normal: 0..1."""
    steps = np.concatenate([np.diff(shapely.get_coordinates(road), axis=0) for road in measures.roads])
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    turns = np.exp(4j * np.arctan2(steps[:, 1], steps[:, 0]))
    return float(abs((turns * lengths).sum()) / lengths.sum())
