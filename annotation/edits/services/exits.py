"""Exits of a changeset beside osmChange and GeoJSON: a JOSM file and a MapRoulette cooperative challenge."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

from PIL import Image

from annotation.edits import selectors
from annotation.edits.engine import base_of, merged_base_of
from annotation.edits.models import Changeset
from annotation.edits.osmchange.elements import Node, Way
from annotation.edits.osmchange.josm import write_josm
from annotation.edits.osmchange.write import write_osc
from annotation.edits.services.beside import nodes_beside
from annotation.edits.services.compiling import Compiled, compile_changeset
from annotation.edits.services.export import as_exported_and_uncontradicted, feature, settled
from annotation.edits.services.uploads.guard import refuse_if_uploaded
from annotation.edits.states import base_state
from annotation.sources.models import Imagery
from annotation.tiles.engine import address_of
from annotation.tiles.services.draw import image_tile

TILE_PX = 256
RECORD = "\x1e"
"""RFC 7464: stands before every line, as MapRoulette reads them one by one."""


def josm(changeset: Changeset, **wished: bool) -> Iterator[str]:
    """The changeset as a JOSM file; `wished` and errors as for osmChange."""
    return _josm(changeset, settled(changeset, **wished))


def josm_as_exported(changeset: Changeset) -> Iterator[str]:
    """The JOSM file of what was exported before and the newest map still allows; writes nothing.

    Raises:
        NeverExportedError: nothing of it was exported.
        UploadedAlreadyError: it is in the map since, or on its way there.
    """
    refuse_if_uploaded(changeset)
    return _josm(changeset, compile_changeset(changeset, as_exported_and_uncontradicted(changeset)))


def png_tile(imagery: Imagery, z: int, x: int, y: int) -> bytes:
    """A tile of the imagery as PNG.

    Raises:
        NotFoundError: the grid has no such tile.
    """
    picture = Image.open(io.BytesIO(image_tile(imagery, address_of(z, x, y), TILE_PX)))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _josm(changeset: Changeset, compiled: Compiled) -> Iterator[str]:
    return write_josm(compiled.operations, _beside(changeset, compiled), changeset.tags)


def maproulette(changeset: Changeset, **wished: bool) -> Iterator[str]:
    """The changeset as a cooperative challenge, a task on each line: the shape, and its own osmChange for JOSM.

    Each task stands alone, as mappers take them in any order: nodes that two buildings leave together stay in the map.
    Each makes a new corner that two of them have in common itself, so that with both done the map has it twice.
    `wished` and errors as for osmChange.
    """
    compiled = settled(changeset, **wished)
    return _tasks(changeset, compiled)


def _tasks(changeset: Changeset, compiled: Compiled) -> Iterator[str]:
    for item in selectors.items_of(changeset).iterator(chunk_size=500):
        if item.pk not in compiled.by_edit:
            continue
        told = feature(item)
        del told["before"]
        told["properties"] = {
            key: value
            for key, value in {**told["properties"], **told["properties"].pop("tags")}.items()
            if value is not None
        }
        base = base_state(item)
        if base is not None:
            told["properties"]["@id"] = base.key
        content = "".join(write_osc(compiled.by_edit[item.pk])).encode()
        task: dict[str, Any] = {
            "type": "FeatureCollection",
            "features": [told],
            "cooperativeWork": {
                "meta": {"version": 2, "type": 2},
                "file": {
                    "type": "xml",
                    "format": "osc",
                    "encoding": "base64",
                    "content": base64.b64encode(content).decode(),
                },
            },
        }
        yield RECORD + json.dumps(task, allow_nan=False, ensure_ascii=False) + "\n"


def _beside(changeset: Changeset, compiled: Compiled) -> Iterator[Node | Way]:
    """What the edited objects are made of as the map has it: nodes of ways, ways of relations with their nodes.

    Nodes of neighbours that an edit shares are there, too.
    """
    items = [item for item in selectors.items_of(changeset) if item.pk in compiled.by_edit]
    there: set[int] = set()
    for base in (base for item in items for base in (base_of(item), merged_base_of(item)) if base is not None):
        for way in base.ways or ():
            yield Way(way.id, way.version, way.refs, way.tags)
        for node in (*base.nodes, *(node for way in base.ways or () for node in way.nodes)):
            there.add(node.id)
            yield node.plain
    ways = [one.element for one in compiled.operations if isinstance(one.element, Way) and one.action != "delete"]
    yield from nodes_beside(changeset, items, {ref for way in ways for ref in way.refs if ref > 0} - there)
