"""JOSM's own readers, without its window: what it makes of a file."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import shapely

from tests.annotation.edits.drill import Decided
from tests.annotation.edits.town import as_accepted

JAR = Path(os.environ.get("MAPWRIGHT_JOSM_JAR", "/usr/share/josm/josm.jar"))
LIBRARIES = Path("/usr/share/java")
READER = Path(__file__).with_name("ReadJosm.java")
MISSING = "no JOSM or no JDK: apt-get install josm default-jdk-headless, or set MAPWRIGHT_JOSM_JAR"


def josm_is_here() -> bool:
    """Whether JOSM's jar and a Java that compiles are installed."""
    return JAR.is_file() and shutil.which("javac") is not None


@dataclass
class Loaded:
    """A file as JOSM holds it; elements by key: version, state, whether it draws them, `building`, outline.

    `areas`: what it draws of each multipolygon.
    """

    policy: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    elements: dict[str, tuple[int, str, bool, str, shapely.Geometry]] = field(default_factory=dict)
    areas: dict[str, shapely.Geometry] = field(default_factory=dict)
    uploads: int = 0


def loaded_by_josm(path: Path) -> Loaded:
    """The file as JOSM reads it."""
    jars = [JAR, *JAR.parent.glob("*.jar"), *(JAR.parent.parent / "java").glob("*.jar"), *LIBRARIES.glob("*.jar")]
    home = path.parent / "josm-home"
    options = ["-Djava.awt.headless=true", f"-Djosm.home={home}", "-cp", ":".join(map(str, jars))]
    done = subprocess.run(["java", *options, str(READER), str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = Loaded()
    for line in done.stdout.splitlines():
        match line.split("\t"):
            case ["policy", policy]:
                loaded.policy = policy
            case ["tag", key, value]:
                loaded.tags[key] = value
            case ["element", key, version, state, drawn, building, corners]:
                places = _places(corners)
                whole = len(places) > 3 and not any(map(math.isnan, sum(places, ())))  # its nodes are all there
                outline = shapely.Polygon(places) if whole else shapely.Polygon()
                loaded.elements[key] = (int(version), state, drawn == "true", building, outline)
            case ["area", key, outer, inner]:
                loaded.areas[key] = _area(outer, inner)
            case ["uploads", number]:
                loaded.uploads = int(number)
    return loaded


def _places(corners: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, place.split())) for place in corners.split(",") if place]


def _area(outer: str, inner: str) -> shapely.Geometry:
    """Outer rings, each with the inner ones that lie in it."""
    holes = [shapely.Polygon(_places(ring)) for ring in inner.split(";") if ring]
    parts = [shapely.Polygon(_places(ring)) for ring in outer.split(";") if ring]
    parts = [shapely.Polygon(one.exterior, [h.exterior for h in holes if one.covers(h)]) for one in parts]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def by_josm(path: Path, decided: list[Decided], elements: int) -> list[str]:
    """What JOSM would show and upload of the file against the decisions; `elements` are written in it."""
    loaded = loaded_by_josm(path)
    ways = {key: one for key, one in loaded.elements.items() if key.startswith("way/")}
    faults = [f"{loaded.uploads} elements would be uploaded, {elements} are written"] * (loaded.uploads != elements)
    new = [one[4] for one in ways.values() if one[1] == "new"]
    new += [area for key, area in loaded.areas.items() if loaded.elements[key][1] == "new"]
    for one in decided:
        if one.key is None:
            faults += ["a new building is not there once"] * (sum(as_accepted(shape, one.shape) for shape in new) != 1)
            continue
        _, state, drawn, building, outline = loaded.elements.get(one.key, (0, "missing", False, "", None))
        outline = loaded.areas.get(one.key, outline)
        redrawn = one.shape is not None and drawn and outline is not None and as_accepted(outline, one.shape)
        if one.shape is not None and not (state == "modified" and redrawn):
            faults.append(f"{one.key} is {state}, drawn {drawn}, or has another outline")
        if one.shape is None and not (state == "deleted" or (state == "modified" and building == "null")):
            faults.append(f"{one.key} still stands: {state}")
    about = {key for one in decided for key in (one.key, *one.ways)}
    touched = {key for key, one in ways.items() if one[1] in ("modified", "deleted")}
    return faults + [f"{key} is touched and nobody decided about it" for key in touched - about]
