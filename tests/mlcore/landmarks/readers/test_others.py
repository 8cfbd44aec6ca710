"""Captions in RSICD's form, folders of photos with EXIF, and landmarks of a map."""

import datetime as dt
import json

import cv2
import numpy as np
import pytest

from mlcore.errors import InvalidInputError
from mlcore.imagery.raster import open_image
from mlcore.landmarks.readers.captions import CaptionFile
from mlcore.landmarks.readers.items import picture_of
from mlcore.landmarks.readers.osm import MapLandmarks, sentences_of
from mlcore.landmarks.readers.photos import PhotoFolder, upright_picture
from tests.mlcore.source_makers import real_data

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)


def image(path, shade=50, size=(32, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), shade, np.uint8))


def captions(path, *records):
    path.write_text(json.dumps({"images": list(records), "dataset": "RSICD"}))
    return path


def test_captions_of_a_split_come_with_their_images(tmp_path):
    image(tmp_path / "images" / "airport" / "airport_1.jpg", 80)
    image(tmp_path / "images" / "beach" / "beach_2.jpg", 90)
    path = captions(
        tmp_path / "dataset.json",
        {"filename": "airport_1.jpg", "split": "train", "sentences": [{"raw": " two  planes .\n"}, {"raw": ""}]},
        {"filename": "beach_2.jpg", "split": "test", "sentences": [{"tokens": ["white", "sand"]}, "the sea"]},
        {"filename": "gone.jpg", "split": "test", "sentences": [{"raw": "nothing"}]},
    )
    source = CaptionFile(path, tmp_path / "images", "test")
    assert len(source) == 1 and source.missing == ["gone.jpg"]
    sample = source.get(0)
    assert (sample.name, sample.group, sample.texts) == ("beach/beach_2", "beach", ("white sand", "the sea"))
    assert abs(int(sample.aerial.mean()) - 90) <= 2
    assert len(CaptionFile(path, tmp_path / "images")) == 2


def test_the_numbers_of_ucm_captions_are_uc_merceds_images_in_order(tmp_path):
    for kind in range(21):
        for number in range(100):
            path = tmp_path / "uc" / f"class{kind:02d}" / f"c{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    path = captions(
        tmp_path / "dataset.json",
        *({"filename": f"{number}.tif", "sentences": [{"raw": "a"}]} for number in (1, 100, 101, 2100)),
    )
    source = CaptionFile(path, tmp_path / "uc")
    assert [f"{one.path.parent.name}/{one.path.stem}" for one in source.entries] == [
        "class00/c00", "class00/c99", "class01/c00", "class20/c99",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", '{"images": 3}', '{"images": [1]}', "[" * 100_000, '{"images": []}'])
def test_a_file_that_is_no_captions_is_refused(tmp_path, text):
    image(tmp_path / "images" / "a.png")
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InvalidInputError):
        CaptionFile(tmp_path / "x.json", tmp_path / "images")


def test_photos_are_read_upright_with_the_position_they_tell():
    source = PhotoFolder(real_data("photos"), now=NOW)
    samples = [source.get(number) for number in range(len(source))]
    assert len(samples) == 5 and all(sample.ground is not None and sample.aerial is None for sample in samples)
    by_name = {sample.name: sample for sample in samples}
    lon, lat = by_name["berlin_01.jpg"].gps
    assert 13 < lon < 14 and 52 < lat < 53
    assert by_name["berlin_01.jpg"].place.startswith("16/")


def test_a_photo_that_cant_be_read_is_left_out_and_told(tmp_path):
    image(tmp_path / "good.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    source = PhotoFolder(tmp_path, now=NOW, role="aerial")
    assert len(source) == 1 and "bad.jpg" in source.left_out[0]
    assert source.get(0).gps is None and source.get(0).aerial.shape == (32, 48, 3)
    with pytest.raises(InvalidInputError, match="check the path"):
        upright_picture(tmp_path / "none.jpg", NOW)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInputError, match="holds no picture"):
        PhotoFolder(empty, now=NOW)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"name": "City Museum", "tourism": "museum", "building": "yes"}, ("museum called City Museum", "museum")),
        ({"highway": "residential", "name": "Main Street"}, ("Main Street",)),
        ({"historic": "city_gate", "building": "church"}, ("city gate and church",)),
        ({"wikidata": "Q1"}, ()),
    ],
)
def test_tags_become_sentences(tags, said):
    assert sentences_of(tags) == said


def test_a_map_gives_the_landmarks_that_are_points_and_those_it_draws(tmp_path):
    path = tmp_path / "map.osm"
    path.write_text("""<osm version="0.6">
      <node id="1" lat="27.63" lon="85.52"><tag k="tourism" v="viewpoint"/><tag k="name" v="Top"/></node>
      <node id="2" lat="27.64" lon="85.52"/><node id="3" lat="27.641" lon="85.52"/>
      <node id="4" lat="27.641" lon="85.521"/>
      <way id="9"><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="2"/>
        <tag k="building" v="temple"/><tag k="name" v="Old Temple"/></way>
      <way id="10"><nd ref="2"/><nd ref="4"/><tag k="highway" v="track"/></way>
    </osm>""")
    source = MapLandmarks(path)
    samples = {sample.name: sample for sample in (source.get(number) for number in range(len(source)))}
    assert set(samples) == {"node/1", "way/9"}
    assert samples["node/1"].gps == (85.52, 27.63)
    assert samples["node/1"].texts == ("viewpoint called Top", "viewpoint")
    assert samples["way/9"].texts == ("temple called Old Temple", "temple")
    lon, lat = samples["way/9"].gps
    assert 85.52 < lon < 85.521 and 27.64 < lat < 27.641


def test_landmarks_of_a_region_get_the_image_about_them():
    folder = real_data("banepa")
    source = MapLandmarks(folder / "buildings.geojson", open_image(folder / "banepa.tif"))
    sample = source.get(0)
    assert sample.aerial is not None and sample.aerial.shape[2] == 3 and sample.texts


def test_a_map_without_names_is_refused(tmp_path):
    path = tmp_path / "map.geojson"
    square = [[[0, 0], [0, 0.001], [0.001, 0.001], [0, 0]]]
    feature = {
        "type": "Feature",
        "properties": {"building": "yes"},
        "geometry": {"type": "Polygon", "coordinates": square},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(InvalidInputError, match="names nothing"):
        MapLandmarks(path)


def test_a_picture_that_cannot_be_read_says_how_to_save_it(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"GIF89a" + bytes(64))
    image(tmp_path / "large.png", size=(40, 50))
    for path, most in ((tmp_path / "photo.jpg", 10_000), (tmp_path / "large.png", 1999)):
        with pytest.raises(InvalidInputError, match=f"save it as JPEG or PNG, with {most:,} pixels") as told:
            picture_of(path, most_pixels=most)
        assert "gdal" not in str(told.value)
    assert picture_of(tmp_path / "large.png", most_pixels=2000).shape == (40, 50, 3)
    with pytest.raises(InvalidInputError, match="there is no picture"):
        picture_of(tmp_path / "gone.png")
