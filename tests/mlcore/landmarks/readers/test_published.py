"""MMLandmarks' published layout: splits, lists, missing modalities; what is damaged is told."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlcore.errors import InvalidInputError
from mlcore.landmarks.readers.published import PublishedLandmarks, published_gallery


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def picture(folder: Path, modality: str, name: str, shade: int) -> None:
    ending = {"ground": ".jpg", "satellite": ".png"}[modality]
    path = folder / modality / name[0] / name[1] / name[2] / f"{name}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 60, 3), shade, np.uint8))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Three landmarks to learn from, two to ask, and an index, in the layout of version 1.0."""
    train, query, index = tmp_path / "train", tmp_path / "query", tmp_path / "index"
    write(train / "mml_train.csv", "landmark_id,CommonsCategory,lat,lon\n7,A,40.5,-75.2\n8,B,41.0,-76.0\n9,C,30,-90\n")
    write(train / "mml_train_ground.csv", "landmark_id,images\n7,aaa1 aaa2\n8,bbb1\n")
    write(train / "mml_train_satellite.csv", "landmark_id,images\n7,ccc1 ccc2\n9,ddd1\n")
    write(train / "mml_train_text.csv", "landmark_id,json\n7,eee1\n8,fff1\n")
    text = {"": "The Old Mill is a mill. It stands by a river.\nIt burnt in 1890.", "History": "Built in 1850. 42"}
    write(train / "text/e/e/e/eee1.json", json.dumps(text))
    for name, shade in (("aaa1", 10), ("aaa2", 20), ("bbb1", 30)):
        picture(train, "ground", name, shade)
    for name, shade in (("ccc1", 40), ("ccc2", 50)):  # that of landmark 9 was not downloaded
        picture(train, "satellite", name, shade)
    write(query / "mml_query.csv", "landmark_id,CommonsCategory,lat,lon\n1,D,35,-100\n2,E,36,-101\n")
    write(query / "mml_query_ground.csv", "landmark_id,images\n1,ggg1 ggg2\n2,hhh1\n")
    write(query / "mml_query_satellite.csv", "landmark_id,images\n1,iii1\n2,jjj1\n")
    write(query / "mml_query_text_sentences.csv", 'landmark_id,sentences\n1,"A tall tower, of brick"\n2,A bridge\n')
    for name in ("ggg1", "ggg2", "hhh1"):
        picture(query, "ground", name, 60)
    for name in ("iii1", "jjj1"):
        picture(query, "satellite", name, 70)
    write(index / "mml_index_ground.csv", "images,gldv2_id\nkkk1,5\nkkk2,6\n")
    write(index / "mml_index_satellite.csv", "images,lat,lon,year\nlll1,33,-95,2018\nlll2,34,-96,2020\n")
    picture(index, "ground", "kkk1", 80)
    picture(index, "satellite", "lll1", 90)
    return tmp_path


def test_a_landmark_has_its_latest_aerial_image_its_first_photo_its_sentences_and_its_position(published):
    source = PublishedLandmarks(published, "train")
    sample = source.get(0)
    assert (sample.name, sample.gps, sample.place) == ("train/7", (-75.2, 40.5), "-76 40")
    assert sample.aerial.shape == (40, 60, 3) and int(sample.aerial.mean()) == 50
    assert abs(int(sample.ground.mean()) - 10) <= 2
    assert sample.texts == (
        "The Old Mill is a mill.", "It stands by a river.", "It burnt in 1890.", "Built in 1850.",
    )  # fmt: skip


def test_what_a_landmark_lacks_is_not_known_of_it(published):
    source = PublishedLandmarks(published, "train")
    assert [source.get(number).modalities for number in range(3)] == [
        ("aerial", "ground", "text", "gps"), ("ground", "gps"), ("gps",),
    ]  # fmt: skip
    assert source.counts() == {"landmarks": 3, "ground": 2, "aerial": 1, "text": 1, "gps": 3}


def test_queries_are_every_photo_and_galleries_have_the_index_behind_them(published):
    source = PublishedLandmarks(published, "query", texts="no_cues")
    assert source.items("ground").owners.tolist() == [1, 1, 2]
    assert source.get(0).texts == ("A tall tower, of brick.",)
    assert source.items("text").read(1) == "A bridge."
    gallery = source.items("aerial").joined(published_gallery(published, "aerial"))
    assert gallery.owners.tolist() == [1, 2, -1]
    assert [int(gallery.read(number).mean()) for number in range(3)] == [70, 70, 90]
    places = source.items("gps").joined(published_gallery(published, "gps"))
    assert [places.read(number) for number in range(4)] == [(-100, 35), (-101, 36), (-95, 33), (-96, 34)]
    assert len(published_gallery(published, "ground")) == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("train/mml_train.csv", "landmark_id,lat,lon\n7,95,0\n", "not on Earth"),
        ("train/mml_train.csv", "landmark_id,lat,lon\n7,nan,0\n", "not on Earth"),
        ("train/mml_train.csv", "landmark_id,lat\n7,9\n", "no lon"),
        ("train/mml_train.csv", "id,lat,lon\n7,9,0\n", "line 2"),
        ("train/mml_train_ground.csv", "landmark_id,images\n7,../../etc/passwd\n", "no id of an image"),
        ("train/text/e/e/e/eee1.json", "[1", "damaged"),
        ("train/text/e/e/e/eee1.json", "[" * 100_000, "damaged"),
    ],
)
def test_what_is_damaged_is_told(published, name, text, said):
    (published / name).write_text(text)
    with pytest.raises(InvalidInputError, match=said):
        PublishedLandmarks(published, "train").get(0)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="can't be read"):
        PublishedLandmarks(tmp_path, "train")
    with pytest.raises(InvalidInputError, match="can't be read"):
        published_gallery(tmp_path, "ground")
    with pytest.raises(InvalidInputError, match="has no text"):
        published_gallery(tmp_path, "text")
