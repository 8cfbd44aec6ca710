"""Ordinary .osm.pbf files are read in columns; whatever osmium reads of the same objects must come out the same."""

from __future__ import annotations

from pathlib import Path

import osmium
import pytest
from osmium.osm import mutable

from mlcore.errors import InvalidInputError
from mlcore.limits import MapLimits
from mlcore.maps.features import feature_to_json
from mlcore.maps.osm_files import MapReading, read_map
from mlcore.maps.osm_found import POINTS
from mlcore.maps.pbf_scan import UnusualPbfError, scan_pbf
from mlcore.progress import SilentProgress
from tests.mlcore.source_makers import DATA

STAMP = "2020-03-04T05:06:07Z"
RELATION = mutable.Relation
REAL = ["helsinki", "liechtenstein-2013-08-03", "frederiksted"]


def told(reading: MapReading) -> tuple[list[str], list[str]]:
    return [feature_to_json(feature) for feature in reading.features], reading.repairs


def ring(first: int, west: float, south: float, size: float = 0.001) -> list[mutable.Node]:
    corners = [(west, south), (west + size, south), (west + size, south + size), (west, south + size)]
    return [
        mutable.Node(
            id=first + i, version=i + 1, timestamp=STAMP, location=place, tags={"entrance": "yes"} if i == 2 else {}
        )
        for i, place in enumerate(corners)
    ]


def write(path: Path, objects: list, **options) -> Path:
    file = osmium.io.File(str(path), ",".join([path.name.split(".", 1)[1], *(f"{k}={v}" for k, v in options.items())]))
    with osmium.SimpleWriter(file, overwrite=True) as writer:
        for one in objects:
            add = {mutable.Node: writer.add_node, mutable.Way: writer.add_way, RELATION: writer.add_relation}
            add[type(one)](one)
    return path


def way(number: int, nodes: list[int], tags: dict[str, str], version: int = 3) -> mutable.Way:
    return mutable.Way(id=number, version=version, timestamp=STAMP, nodes=nodes, tags=tags)


def town() -> list:
    """A house, a courtyard, a neighbour wall to wall, a road, a bow tie, a house without a corner, a point."""
    yard, inner = ring(20, 10.01, 50.0), ring(30, 10.0102, 50.0002, 0.0004)
    return [
        *ring(1, 10.0, 50.0), *yard, *inner, *ring(40, -10.02, -50.0),
        mutable.Node(id=90, version=1, timestamp=STAMP, location=(10.0, 50.01), tags={"building": "yes", "name": "Ä"}),
        way(100, [1, 2, 3, 4, 1], {"building": "house", "name": "Dvůr\u0007"}),
        way(101, [20, 21, 22, 23, 20], {}),
        way(102, [30, 31, 32, 33, 30], {}),
        way(103, [2, 21, 22, 3, 2], {"building": "yes", "area": "no"}),
        way(104, [1, 20, 40], {"highway": "residential"}),
        way(105, [40, 42, 41, 43, 40], {"building": "yes"}),
        way(106, [1, 2, 999, 1], {"building": "yes"}),
        way(107, [2, 20, 23, 3, 2], {"building": "yes"}),
        RELATION(
            id=200, version=7, timestamp=STAMP, tags={"type": "multipolygon", "building": "yes"},
            members=[("w", 101, "outer"), ("w", 102, "inner"), ("n", 4, "")],
        ),
        RELATION(id=201, version=1, timestamp=STAMP, tags={"type": "site"}, members=[("w", 100, "")]),
    ]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_a_real_extract_reads_as_osmium_reads_it(name, tmp_path):
    real = DATA / "osm" / f"{name}.osm.pbf"
    if not real.is_file():
        pytest.skip("the OSM extracts are not there")
    scan_pbf(real, MapLimits(), SilentProgress())
    plain = tmp_path / "plain.osm"
    with osmium.SimpleWriter(str(plain)) as writer:
        for one in osmium.FileProcessor(str(real)):
            writer.add(one)
    assert told(read_map(real)) == told(read_map(plain))


def test_whatever_a_town_holds_reads_as_osmium_reads_it(tmp_path):
    packed = write(tmp_path / "town.osm.pbf", town())
    scanned = scan_pbf(packed, MapLimits(), SilentProgress())
    assert scanned.left_out[POINTS] == 1 and len(scanned.repairs) == 1
    features, repairs = told(read_map(packed))
    assert (features, repairs) == told(read_map(write(tmp_path / "raw.osm.pbf", town(), pbf_compression="none")))
    assert {feature.key for feature in read_map(packed).features} >= {"way/100", "way/104", "way/107", "relation/200"}
    house = next(feature for feature in read_map(packed).features if feature.key == "way/100")
    assert [(node.id, node.version, node.shared, node.tagged) for node in house.nodes] == [
        (1, 1, True, False), (2, 2, True, False), (3, 3, True, True), (4, 4, True, False), (1, 1, True, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options", [{"pbf_dense_nodes": "false"}, {"pbf_compression": "none"}, {"locations_on_ways": "true"}], ids=str
)
def test_what_is_written_in_another_way_is_left_to_osmium(options, tmp_path):
    packed = write(tmp_path / "town.osm.pbf", town(), **options)
    with pytest.raises(UnusualPbfError):
        scan_pbf(packed, MapLimits(), SilentProgress())
    ordinary = told(read_map(write(tmp_path / "plain.osm.pbf", town())))
    if "locations_on_ways" not in options:  # these keep no versions of nodes
        assert told(read_map(packed)) == ordinary


def test_an_object_that_is_there_twice_is_left_to_osmium(tmp_path):
    twice = [
        *town()[:17],
        way(100, [1, 2, 3, 4, 1], {"building": "yes"}),
        way(100, [1, 2, 3, 1], {"building": "no"}, 4),
    ]
    packed = write(tmp_path / "twice.osm.pbf", [*twice, way(107, [2, 20, 23, 3, 2], {"building": "yes"})])
    with pytest.raises(UnusualPbfError, match="several times"):
        scan_pbf(packed, MapLimits(), SilentProgress())
    reading = read_map(packed)
    assert [feature.key for feature in reading.features] == ["way/107"]
    assert "several times" in " ".join(reading.repairs)


@pytest.mark.parametrize("limits", [MapLimits(max_objects=10), MapLimits(max_features=2)], ids=["objects", "features"])
def test_limits_hold(limits, tmp_path):
    with pytest.raises(InvalidInputError, match="cut it"):
        read_map(write(tmp_path / "town.osm.pbf", town()), limits=limits)


def test_a_file_cut_short_anywhere_is_refused_in_words(tmp_path):
    whole = write(tmp_path / "town.osm.pbf", town()).read_bytes()
    short = tmp_path / "short.osm.pbf"
    for length in range(5, len(whole), 97):
        short.write_bytes(whole[:length])
        with pytest.raises(InvalidInputError):
            read_map(short)


def test_every_flipped_byte_ends_in_a_reading_or_in_words(tmp_path):
    whole = bytearray(write(tmp_path / "town.osm.pbf", town()).read_bytes())
    flipped = tmp_path / "flipped.osm.pbf"
    for at in range(0, len(whole), 7):
        whole[at] ^= 0x55
        flipped.write_bytes(whole)
        whole[at] ^= 0x55
        try:
            read_map(flipped)
        except InvalidInputError as error:
            assert str(error)


def test_i2_a_blob_that_says_two_sizes_ends_the_reading(tmp_path):
    """The last one counts for protobuf, and may lead back to where it stands."""
    head = b"\x0a\x07OSMData\x18\x05\x18" + b"\xe7" + b"\xff" * 8 + b"\x01"
    packed = tmp_path / "twice.osm.pbf"
    ordinary = write(tmp_path / "town.osm.pbf", town()).read_bytes()
    packed.write_bytes(ordinary + len(head).to_bytes(4, "big") + head + b"\x08\x00\x08\x00\x08")
    with pytest.raises(UnusualPbfError):
        scan_pbf(packed, MapLimits(), SilentProgress())
