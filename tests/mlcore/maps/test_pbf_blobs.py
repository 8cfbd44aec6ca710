"""An .osm.pbf is measured by what its blobs declare, before any is inflated (quality I3, I5)."""

import struct
import zlib

import pytest

from mlcore.errors import InvalidInputError
from mlcore.limits import MapLimits
from mlcore.maps.osm_files import read_map
from mlcore.maps.pbf_blobs import measure_pbf
from tests.mlcore.source_makers import real_data


def pbf_varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def pbf_blob(kind, content, declared=None):
    """One blob of an .osm.pbf, zlib-packed, that says it holds `declared` bytes."""
    packed = zlib.compress(content, 9)
    size = len(content) if declared is None else declared
    blob = b"\x10" + pbf_varint(size) + b"\x1a" + pbf_varint(len(packed)) + packed
    header = b"\x0a" + pbf_varint(len(kind)) + kind + b"\x18" + pbf_varint(len(blob))
    return struct.pack(">I", len(header)) + header + blob


PBF_HEAD = pbf_blob(b"OSMHeader", b"\x22\x0eOsmSchema-V0.6\x22\x0aDenseNodes")


def test_i3_a_pbf_bomb_is_refused_by_the_sizes_it_declares(tmp_path):
    bomb, inflated = tmp_path / "bomb.osm.pbf", 31 << 20
    bomb.write_bytes(PBF_HEAD + pbf_blob(b"OSMData", bytes(inflated)) * 200)
    with pytest.raises(InvalidInputError, match="swells"):
        read_map(bomb)
    # nothing is inflated for it: what can't be inflated is refused by its sizes all the same
    bomb.write_bytes(
        PBF_HEAD + pbf_blob(b"OSMData", b"", declared=inflated).replace(zlib.compress(b"", 9), b"junkjunk") * 200
    )
    with pytest.raises(InvalidInputError, match="swells"):
        read_map(bomb)


@pytest.mark.parametrize(
    "data",
    [
        PBF_HEAD[:-3],
        PBF_HEAD + b"\xff\xff\xff\xff",
        PBF_HEAD + b"\x00\x00\x00\x02\x0a\xff",
        PBF_HEAD + pbf_blob(b"OSMData", b"", declared=2**31),
        PBF_HEAD + pbf_blob(b"OSMData", bytes(5000), declared=10),
    ],
)
def test_i5_a_damaged_or_lying_pbf_is_refused(tmp_path, data):
    (tmp_path / "map.osm.pbf").write_bytes(data)
    with pytest.raises(InvalidInputError):
        read_map(tmp_path / "map.osm.pbf")


def test_a_real_extract_is_far_from_the_limits():
    for path in sorted(real_data("osm").glob("*.pbf")):
        measure_pbf(path, MapLimits(max_pbf_ratio=7.0), measured_from=0)
