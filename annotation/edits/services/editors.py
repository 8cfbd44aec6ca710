"""Addresses that open a changeset's place in other editors: JOSM's remote control, iD and Rapid."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from django.contrib.gis.db.models import Extent
from django.db.models.functions import Coalesce

from annotation.edits import selectors
from annotation.edits.models import Changeset, EditItem
from annotation.sources.models import Imagery

JOSM = "http://127.0.0.1:8111"
ID = "https://www.openstreetmap.org/edit?editor=id"
RAPID = "https://rapideditor.org/edit"
ZOOM = 18
LEAST_OFFSET_M = 0.1


def addresses(changeset: Changeset, imagery: Imagery, file: str, tiles: str) -> dict[str, Any]:
    """Addresses by name, and `offset_m`: by what the imagery is shifted to the east and north to fit the map.

    Args:
        file: signed address of the JOSM file; it ends in .osm, by which JOSM tells what it is.
        tiles: signed address of the imagery's tiles, up to the zoom.

    iD and Rapid are told of the imagery only where the region is open to all: its address is seen by a third party.
    """
    west, south, east, north = extent(changeset)
    offset = offset_m(changeset)
    date = f", {imagery.captured_on}" if imagery.captured_on else ""
    shift = f", shift it by {offset[0]:+.1f} m east, {offset[1]:+.1f} m north" if offset else ""
    tags = changeset.tags
    load = {"new_layer": "true", "layer_name": f"Changeset {changeset.pk}: {changeset.comment}"[:80], "url": file}
    layer = {
        "title": f"{imagery.attribution}{date}{shift}",
        "type": "tms",
        "valid-georeference": "true",
        "url": f"tms:{tiles}{{zoom}}/{{x}}/{{y}}.png",  # last: JOSM takes what follows as part of it
    }
    place = {"map": f"{ZOOM}/{(south + north) / 2:.6f}/{(west + east) / 2:.6f}"}
    place |= {key: tags[key] for key in ("comment", "source", "hashtags") if tags.get(key)}
    if changeset.region.open_to_all:
        place["background"] = f"custom:{tiles}{{z}}/{{x}}/{{y}}.png"
        if offset:
            place["offset"] = f"{offset[0]:.2f},{offset[1]:.2f}"
    return {
        "josm_import": f"{JOSM}/import?{urlencode(load, quote_via=quote)}",
        "josm_imagery": f"{JOSM}/imagery?{urlencode(layer, quote_via=quote)}",
        "id": f"{ID}#{urlencode(place, quote_via=quote, safe='/,')}",
        "rapid": f"{RAPID}#{urlencode(place, quote_via=quote, safe='/,')}",
        "offset_m": offset,
    }


def extent(changeset: Changeset) -> tuple[float, float, float, float]:
    """West, south, east and north of the edits."""
    shape = Coalesce("change__adjusted", "change__geometry")
    return EditItem.objects.filter(changeset=changeset).aggregate(box=Extent(shape))["box"]


def offset_m(changeset: Changeset) -> list[float] | None:
    """East and north, the median over the tiles of the edits; None where no shift is known or none is worth telling."""
    shifts = selectors.shifts_under(changeset)
    if not shifts:
        return None
    # The shift says how far the image lies off the map; it goes back by as much.
    middle = [round(-sorted(side)[len(side) // 2], 2) + 0.0 for side in zip(*shifts, strict=True)]
    return middle if max(map(abs, middle)) >= LEAST_OFFSET_M else None
