"""Rasters that try to read, fetch or cost more than their own bytes are refused (quality I1-I3)."""

import re
import resource
import struct
import zlib

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from mlcore.errors import InvalidInputError, StoppedError
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster
from mlcore.ingestion.sandbox import run_ingest
from mlcore.limits import RasterLimits
from mlcore.progress import SilentProgress
from tests.mlcore.source_makers import grid_tiff, photo, refusal_and_memory_kb, write_tiff

CANARY = b"canary-7f3a"


def vrt(source: str) -> str:
    return (
        '<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:3857</SRS><GeoTransform>9519391,0.15,0,3203475,0,-0.15'
        f'</GeoTransform><VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename>{source}'
        "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


@pytest.mark.parametrize("name", ["image.tif", "image.vrt", "image.png"])
def test_i1_a_vrt_under_any_name_is_refused_and_the_canary_stays_unread(tmp_path, name, listener):
    address, asked = listener
    canary = grid_tiff(tmp_path / "secret.tif", 1)
    read_at = canary.stat().st_atime_ns
    for source in (str(canary), f"/vsicurl/{address}/x.tif"):
        (tmp_path / name).write_text(vrt(source))
        with pytest.raises(InvalidInputError, match="neither a GeoTIFF"):
            run_ingest("raster", tmp_path / name, tmp_path / "out.tif")
    assert canary.stat().st_atime_ns == read_at
    assert asked == []
    assert not (tmp_path / "out.tif").exists()


def test_i1_an_inline_vrt_and_a_network_path_as_name_are_refused(tmp_path, listener):
    address, asked = listener
    for name in (vrt(str(tmp_path / "secret.tif")), f"/vsicurl/{address}/x.tif", f"{address}/x.tif", "GTIFF_DIR:1:x"):
        with pytest.raises(InvalidInputError):
            ingest_raster(name[:200], tmp_path / "out.tif")
    assert asked == []


def test_i1_an_mrf_is_refused(tmp_path):
    (tmp_path / "image.tif").write_text(
        "<MRF_META><CachedSource><Source>/etc/passwd</Source></CachedSource></MRF_META>"
    )
    with pytest.raises(InvalidInputError, match="neither a GeoTIFF"):
        run_ingest("raster", tmp_path / "image.tif", tmp_path / "out.tif")


@pytest.mark.parametrize("where", ["tiff", "aux"])
def test_i2_an_overview_file_is_never_opened_and_leaves_no_trace(tmp_path, listener, where):
    address, asked = listener
    image = grid_tiff(tmp_path / "image.tif", 2)
    target = f"/vsicurl/{address}/overview.tif"
    if where == "tiff":
        with rasterio.open(image, "r+") as data:
            data.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=target)
    else:
        (tmp_path / "image.tif.aux.xml").write_text(
            f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{target}</MDI></Metadata></PAMDataset>'
        )
    run_ingest("raster", image, tmp_path / "out.tif")
    assert asked == []
    stored = (tmp_path / "out.tif").read_bytes()
    assert b"OVERVIEW_FILE" not in stored
    assert address.encode() not in stored


def test_i2_foreign_metadata_is_not_carried_over(tmp_path):
    image = grid_tiff(tmp_path / "image.tif", 1)
    with rasterio.open(image, "r+") as data:
        data.update_tags(TIFFTAG_IMAGEDESCRIPTION="<script>alert(1)</script>", SECRET=CANARY.decode())
    ingest_raster(image, tmp_path / "out.tif")
    stored = (tmp_path / "out.tif").read_bytes()
    assert CANARY not in stored
    assert b"<script>" not in stored


def test_i2_a_projection_file_that_is_an_address_is_refused_unfetched(tmp_path, listener):
    address, asked = listener
    with rasterio.open(tmp_path / "image.png", "w", driver="PNG", width=64, height=64, count=3, dtype="uint8") as data:
        data.write(photo(64, 64))
    (tmp_path / "image.pgw").write_text("0.15\n0\n0\n-0.15\n500000\n3000000\n")
    (tmp_path / "image.prj").write_text(f"{address}/crs.wkt")
    with pytest.raises(InvalidInputError, match="no WKT"):
        run_ingest("raster", tmp_path / "image.png", tmp_path / "out.tif")
    assert asked == []


@pytest.mark.parametrize(
    ("system", "west", "north", "cell"),
    [
        ("EPSG:32645", 9e8, 9e9, 0.3),
        ("EPSG:32645", 0.0, 0.0, 1e300),
        ("EPSG:32645", np.inf, 0.0, 0.3),
        ("EPSG:4978", 355_000.0, 3_057_000.0, 0.3),
        ("+proj=geos +h=35785831", 1e7, 1e7, 0.3),
        ('LOCAL_CS["x",UNIT["metre",1]]', 1.0, 1.0, 0.3),
    ],
)
def test_i1_places_beyond_earth_are_refused_with_a_code(tmp_path, system, west, north, cell):
    image = write_tiff(tmp_path / "image.tif", photo(64, 64), system, west, north, cell)
    with pytest.raises(InvalidInputError, match="placed on Earth"):
        ingest_raster(image, tmp_path / "out.tif")


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16"])
def test_i3_complex_numbers_are_refused(tmp_path, dtype):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=64, height=64, count=1, dtype=dtype,
        crs=CRS.from_epsg(32645), transform=from_origin(355_000, 3_057_000, 0.3, 0.3),
    ):  # fmt: skip
        pass
    with pytest.raises(InvalidInputError, match="no photograph"):
        ingest_raster(tmp_path / "a.tif", tmp_path / "out.tif")


@pytest.mark.parametrize("megabytes", [0.1, 0.3, 0.6, 0.9])
def test_f6_a_write_that_fails_leaves_nothing_and_says_so(tmp_path, megabytes):
    values = np.random.default_rng(0).integers(0, 256, (3, 500, 500), np.uint8)
    image = write_tiff(tmp_path / "image.tif", values, "EPSG:32645", 355_000, 3_057_000, 0.3)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(megabytes * 1e6), before[1]))
    try:
        with pytest.raises(InvalidInputError, match="can't be ingested"):
            ingest_raster(image, tmp_path / "out[1].tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["image.tif"]


def sparse_tiff(path, side=400_000):
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=3, dtype="uint8", tiled=True, blockxsize=4096,
        blockysize=4096, sparse_ok=True, bigtiff=True, crs=CRS.from_epsg(3857), transform=from_origin(0, 0, 0.3, 0.3),
    ):  # fmt: skip
        pass
    return path


def png_bomb(path, side=60_000):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + side * 3)) for _ in range(500)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("make", [sparse_tiff, png_bomb])
def test_i3_a_bomb_is_refused_by_its_header_without_using_memory(tmp_path, make):
    bomb = make(tmp_path / "bomb.bin")
    refusal, peak_kb = refusal_and_memory_kb("raster", bomb, tmp_path / "out.tif")
    assert re.search(r"too many|declares|too large", refusal), refusal
    assert peak_kb < 1_000_000


def test_i3_a_sparse_image_within_the_pixel_limit_is_refused_by_its_ratio(tmp_path):
    bomb = sparse_tiff(tmp_path / "bomb.tif", side=40_000)
    with pytest.raises(InvalidInputError, match="declares"):
        ingest_raster(bomb, tmp_path / "out.tif")


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"\x89PNG\r\n", b"\xff\xd8\xff\xe0", bytes(range(256)) * 9, b"II*\0" + bytes(5000)]
)
def test_i3_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "image.tif").write_bytes(content)
    with pytest.raises(InvalidInputError):
        ingest_raster(tmp_path / "image.tif", tmp_path / "out.tif")


def test_a_truncated_image_is_refused_and_leaves_nothing(tmp_path):
    image = write_tiff(tmp_path / "a.tif", photo(1024, 1024), "EPSG:3857", 1e6, 6e6, 0.3, compress="deflate")
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    with pytest.raises(InvalidInputError):
        run_ingest("raster", image, tmp_path / "out.tif")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif"]


def test_a_stop_kills_the_child_and_leaves_nothing(tmp_path):
    class StopAtFirstNews(SilentProgress):
        stopped = False

        def report(self, fraction, message="", figures=None):
            self.stopped = True

        def should_stop(self):
            return self.stopped

    image = write_tiff(tmp_path / "a.tif", np.tile(photo(1024, 1024), (1, 6, 6)), "EPSG:32645", 355_000, 3_057_000, 0.3)
    with pytest.raises(StoppedError):
        run_ingest("raster", image, tmp_path / "out.tif", progress=StopAtFirstNews())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif"]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [({"wall_s": 0}, "longer than"), ({"memory_bytes": 120_000_000}, "memory|broke|ingested|reader")],
)
def test_a_child_beyond_its_limits_is_ended_with_the_reason(tmp_path, limit, reason):
    image = write_tiff(tmp_path / "a.tif", np.tile(photo(1024, 1024), (1, 3, 3)), "EPSG:32645", 355_000, 3_057_000, 0.3)
    with pytest.raises(InvalidInputError, match=reason):
        run_ingest("raster", image, tmp_path / "out.tif", limits=RasterLimits(**limit))
    assert not (tmp_path / "out.tif").exists()


def test_an_image_that_was_not_ingested_is_refused_by_the_reader(tmp_path):
    image = write_tiff(tmp_path / "a.tif", photo(64, 64), "EPSG:32645", 355_000, 3_057_000, 0.3)
    with pytest.raises(InvalidInputError, match="ingest it first"):
        open_image(image)
