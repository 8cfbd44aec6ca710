"""An OSM file as comparable values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import osmium
import shapely

from annotation.edits.osmchange.nodes import rounded


@dataclasses.dataclass(frozen=True)
class Extract:
    """Every element of an OSM file by key, as comparable values."""

    elements: dict[str, tuple]

    @classmethod
    def read(cls, path: Path) -> Extract:
        found: dict[str, tuple] = {}
        for one in osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY | osmium.osm.RELATION):
            tags = tuple(sorted((tag.k, tag.v) for tag in one.tags))
            if one.is_node():
                found[f"node/{one.id}"] = (rounded((one.location.lon, one.location.lat)), tags)
            elif one.is_way():
                found[f"way/{one.id}"] = (tuple(node.ref for node in one.nodes), tags)
            else:
                members = tuple((member.type, member.ref, member.role) for member in one.members)
                found[f"relation/{one.id}"] = (members, tags)
        return cls(found)

    def shape(self, key: str) -> shapely.Polygon:
        return shapely.Polygon([self.elements[f"node/{ref}"][0] for ref in self.elements[key][0]])

    def tags(self, key: str) -> dict[str, str]:
        return dict(self.elements[key][1])


def users_in(extract: Extract) -> Iterator[str]:
    for key, (what, _) in extract.elements.items():
        if key.startswith("way/"):
            yield from (f"node/{ref}" for ref in what)
        elif key.startswith("relation/"):
            yield from (f"{ {'n': 'node', 'w': 'way', 'r': 'relation'}[kind] }/{ref}" for kind, ref, _ in what)


def orphans(extract: Extract) -> set[str]:
    """Nodes without a tag that nothing uses."""
    bare = {key for key, (_, tags) in extract.elements.items() if key.startswith("node/") and not tags}
    return bare - set(users_in(extract))


def missing(extract: Extract) -> set[str]:
    return set(users_in(extract)) - extract.elements.keys()
