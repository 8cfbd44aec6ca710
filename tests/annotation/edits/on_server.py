"""The map as the test server has it: on it, back from it, and what is wrong with it after an upload."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement

import osmium
import shapely

from annotation.edits.models import Upload
from annotation.edits.osmchange.nodes import rounded
from tests.annotation.edits.town import shapes_of
from tests.osm_server import OsmServer

SLIVER = 1e-13
"""Square degrees, some square decimetres: what rounding corners to a centimetre leaves along a wall."""
KINDS = ("node", "way", "relation")


def put_all(server: OsmServer, path: Path) -> None:
    """The extract on the server."""
    rows: list[tuple[str, int, int, dict[str, Any]]] = []
    for one in osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY | osmium.osm.RELATION):
        tags = {tag.k: tag.v for tag in one.tags}
        if one.is_node():
            lon, lat = rounded((one.location.lon, one.location.lat))
            rows.append(("node", one.id, one.version, {"lon": lon, "lat": lat, "tags": tags}))
        elif one.is_way():
            rows.append(("way", one.id, one.version, {"body": [node.ref for node in one.nodes], "tags": tags}))
        else:
            members = [["way", member.ref, member.role] for member in one.members]
            rows.append(("relation", one.id, one.version, {"body": members, "tags": tags}))
    server.put(*rows)


def map_of(server: OsmServer) -> dict[str, dict[str, Any]]:
    """Newest visible elements by key."""
    return {f"{kind}/{row['id']}": row for kind in KINDS for row in server.present(kind)}


def extract_of(server: OsmServer, path: Path) -> Path:
    """The server's map as a file that can be imported."""
    root = Element("osm", version="0.6", generator="test server")
    for key, row in map_of(server).items():
        kind = key.split("/")[0]
        said = {"id": row["id"], "version": row["version"], "timestamp": "2024-06-01T00:00:00Z"}
        if kind == "node":
            said |= {"lon": row["lon"], "lat": row["lat"]}
        one = SubElement(root, kind, {name: str(value) for name, value in said.items()})
        for part in row["body"]:
            if kind == "way":
                SubElement(one, "nd", ref=str(part))
            else:
                SubElement(one, "member", type=part[0], ref=str(part[1]), role=part[2])
        for name, value in row["tags"].items():
            SubElement(one, "tag", k=name, v=value)
    ElementTree(root).write(path, encoding="utf-8")
    return path


def faults(server: OsmServer, folder: Path) -> list[str]:
    """What no map may have: unused or missing nodes, two on one spot, bad outlines, houses on each other."""
    there = map_of(server)
    ways = {key: row for key, row in there.items() if key.startswith("way/")}
    nodes = {key: row for key, row in there.items() if key.startswith("node/")}
    used = {f"node/{ref}" for row in ways.values() for ref in row["body"]}
    found = [f"{key} is used by nothing" for key, row in nodes.items() if key not in used and not row["tags"]]
    found += [f"{key} is missing" for key in used - nodes.keys()]
    spots = Counter((row["lon"], row["lat"]) for row in nodes.values())
    found += [f"{number} nodes on {spot}" for spot, number in spots.items() if number > 1]
    members = {f"{m[0]}/{m[1]}" for key, row in there.items() if key.startswith("relation/") for m in row["body"]}
    found += [f"{key} is missing" for key in members - there.keys()]
    bare = (key for key, row in ways.items() if not row["tags"] and key not in members)
    found += [f"{key} says nothing and is in no relation" for key in bare]
    for key, row in ways.items():
        refs = row["body"]
        if refs[0] != refs[-1]:
            continue
        ring = [(nodes[f"node/{ref}"]["lon"], nodes[f"node/{ref}"]["lat"]) for ref in refs]
        if len(set(refs)) != len(refs) - 1 or len(refs) < 4 or not shapely.Polygon(ring).is_valid:
            found.append(f"{key} is no outline: {refs}")
    shapes = shapes_of(extract_of(server, folder / "served.osm"))
    keys = list(shapes)
    for one, other in shapely.STRtree([*shapes.values()]).query([*shapes.values()], predicate="intersects").T:
        if one < other and shapes[keys[one]].intersection(shapes[keys[other]]).area > SLIVER:
            found.append(f"{keys[one]} and {keys[other]} stand on one place")
    return found


def untrue_receipts(server: OsmServer, upload: Upload) -> list[str]:
    """Receipts that say otherwise than the server."""
    there, found = map_of(server), []
    for receipt in upload.receipts.all():
        key = f"{receipt.kind}/{receipt.new_id or receipt.old_id}"
        version = there[key]["version"] if key in there else None
        if version != receipt.new_version:
            found.append(f"{key} is at {version}, the receipt says {receipt.new_version}")
    if upload.receipts.count() != upload.elements:
        found.append(f"{upload.receipts.count()} receipts for {upload.elements} elements")
    return found


def open_walls(server: OsmServer) -> list[str]:
    """Nodes that lie on a wall of a building whose way does not have them: walls that only look joined."""
    there = map_of(server)
    nodes = {row["id"]: shapely.Point(row["lon"], row["lat"]) for key, row in there.items() if key.startswith("node/")}
    found = []
    for key, row in there.items():
        if key.startswith("way/") and row["body"][0] == row["body"][-1]:
            outline = shapely.LineString([nodes[ref] for ref in row["body"]])
            inside = (ref for ref, place in nodes.items() if ref not in row["body"] and outline.dwithin(place, 2e-7))
            found += [f"node/{ref} lies on a wall of {key}" for ref in inside]
    return found
