"""Files of simulated edits: anyone who has the same map scores the same pairs; and the edited map as GeoJSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.maps.features import MapFeature, feature_from_json, feature_to_json
from mlcore.synthetic.edits import EditedMap, SimulatedEdit

FORMAT = "mapwright-simulated-edits"
FORMAT_VERSION = 1


def map_digest(features: Sequence[MapFeature]) -> str:
    """SHA-256 over keys and geometries, whatever the order: tells whether two people hold the same map."""
    lines = sorted(f"{f.kind} {f.key} {f.geometry.wkb_hex}" for f in features)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def save_edits(path: str | Path, edited: EditedMap, base: Sequence[MapFeature]) -> None:
    """Write the edits, and what they changed in the map `base`, as JSON."""
    head = {"format": FORMAT, "version": FORMAT_VERSION, "base_sha256": map_digest(base)}
    Path(path).write_text(json.dumps(head | edits_to_record(edited, base), indent=1), encoding="utf-8")


def edits_to_record(edited: EditedMap, base: Sequence[MapFeature]) -> dict[str, Any]:
    """Plain values from which `edits_from_record` makes the edited map again, given the same `base`."""
    after = {f.key: f for f in edited.features}
    before = {f.key: f for f in base}
    return {
        "edits": [_edit_record(edit) for edit in edited.edits],
        "deleted": [key for key in before if key not in after],
        "replaced": {k: json.loads(feature_to_json(f)) for k, f in after.items() if k in before and f is not before[k]},
        "invented": [json.loads(feature_to_json(f)) for k, f in after.items() if k not in before],
    }  # fmt: skip


def edits_from_record(record: dict[str, Any], base: Sequence[MapFeature]) -> EditedMap:
    """Apply what `edits_to_record` described to the map it was made for.

    Raises:
        KeyError, TypeError, ValueError, shapely.errors.ShapelyError, InvalidInputError: the record is damaged.
    """
    edits = [_edit(entry) for entry in record["edits"]]
    deleted, invented = set(record["deleted"]), [_feature(entry) for entry in record["invented"]]
    replaced = {key: _feature(entry) for key, entry in record["replaced"].items()}
    features = [replaced.get(f.key, f) for f in base if f.key not in deleted]
    return EditedMap(features + invented, edits)


def load_edits(path: str | Path, base: Sequence[MapFeature]) -> EditedMap:
    """Apply the edits of a file to the map they were made for.

    Raises:
        InvalidInputError: the file is missing, damaged or was made for another map.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if record["format"] != FORMAT or record["version"] != FORMAT_VERSION:
            raise ValueError("another format")
        edited, digest = edits_from_record(record, base), record["base_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise InvalidInputError(f"{Path(path).name} is no file of simulated edits ({error}): write it anew") from error
    if digest != map_digest(base):
        raise InvalidInputError(f"{Path(path).name} was made for another map: give the map that it was made from")
    return edited


def write_map_geojson(path: str | Path, features: Sequence[MapFeature]) -> None:
    """Write a map as GeoJSON that the importer reads; identity, version, time stamp and tags are properties."""
    with Path(path).open("w", encoding="utf-8") as out:
        out.write('{"type": "FeatureCollection", "features": [\n')
        for index, feature in enumerate(features):
            properties: dict[str, Any] = {**feature.tags, "osm_type": feature.osm_type, "osm_id": feature.osm_id}
            if feature.version is not None:
                properties["version"] = feature.version
            if feature.timestamp is not None:
                properties["timestamp"] = feature.timestamp.isoformat()
            shape = shapely.geometry.mapping(feature.geometry)
            entry = {"type": "Feature", "properties": properties, "geometry": shape}
            out.write((",\n" if index else "") + json.dumps(entry, ensure_ascii=False))
        out.write("\n]}\n")


def write_truth_geojson(path: str | Path, edited: EditedMap) -> None:
    """Write the edits as GeoJSON to look at: one feature each, its geometry what the editor should end with."""
    features = [
        {
            "type": "Feature",
            "properties": {"kind": e.kind, "method": e.method, "osm_type": e.osm_type, "osm_id": e.osm_id},
            "geometry": shapely.geometry.mapping(e.geometry),
        }
        for e in edited.edits
    ]
    Path(path).write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def _edit_record(edit: SimulatedEdit) -> dict[str, Any]:
    return {
        "kind": edit.kind, "method": edit.method, "osm_type": edit.osm_type, "osm_id": edit.osm_id,
        "others": list(edit.others), "before": _wkb(edit.before), "after": _wkb(edit.after),
    }  # fmt: skip


def _edit(entry: dict[str, Any]) -> SimulatedEdit:
    before, after = (None if entry[name] is None else shapely.from_wkb(entry[name]) for name in ("before", "after"))
    return SimulatedEdit(
        entry["kind"], before, after, entry["osm_type"], entry["osm_id"], entry["method"], tuple(entry["others"])
    )


def _wkb(shape: BaseGeometry | None) -> str | None:
    return None if shape is None else shape.wkb_hex


def _feature(entry: dict[str, Any]) -> MapFeature:
    return feature_from_json(json.dumps(entry))
