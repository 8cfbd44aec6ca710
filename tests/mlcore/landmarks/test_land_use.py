"""Photos by class: parts that share nothing, the third that is never learnt, and sentences."""

import numpy as np
import pytest
from PIL import Image

from mlcore.errors import InvalidInputError
from mlcore.landmarks.calibration import calibrate_floors, pictures_of_nothing
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.land_use import LandUsePhotos, read_words, sentences_of, unseen_classes
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.nonsense import read_nonsense
from mlcore.landmarks.visible import VISIBLE, measure, phrases_of
from tests.mlcore.landmarks.made import picture

KINDS = ("beach", "forest", "tenniscourt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("land_use"), np.random.default_rng(0)
    for kind in KINDS:
        (root / kind).mkdir()
        for number in range(100):
            Image.fromarray(picture("green", rng, 16)).save(root / kind / f"{kind}{number:02d}.png")
    return root


def test_parts_share_no_photo_and_leave_none_out(folder):
    parts = [LandUsePhotos(folder, part) for part in ("learn", "choose", "report")]
    names = [{path.name for _, path in part.paths} for part in parts]
    assert [len(each) for each in names] == [180, 60, 60]
    assert len(set.union(*names)) == 300


def test_a_photo_says_the_same_at_every_call_and_held_out_ones_name_their_class(folder):
    photos = LandUsePhotos(folder, "report", classes=["beach"])
    first, again = photos.get(3), photos.get(3)
    assert first.texts == again.texts and first.group == "beach"
    words = read_words()["classes"]["beach"]["names"]
    assert all(any(name in text for name in words) for text in first.texts)


def test_a_third_of_the_classes_is_kept_the_same_ones_in_any_order():
    kinds = [f"class{number:02d}" for number in range(21)]
    assert len(unseen_classes(kinds)) == 7 and unseen_classes(kinds) == unseen_classes(kinds[::-1])


def test_words_of_what_is_shown_are_no_names_of_a_class_that_is_kept():
    words = read_words()["classes"]
    for kept in unseen_classes(list(words)):
        for kind, each in words.items():
            said = " ".join([*each["shows"], *(each["names"] if kind not in unseen_classes(list(words)) else [])])
            assert not any(name.removeprefix("a ") in said for name in words[kept]["names"] if name != "buildings"), (
                kind
            )


@pytest.mark.parametrize(("part", "classes"), [("all", None), ("learn", ["harbour"])])
def test_what_is_not_there_is_refused(folder, part, classes):
    with pytest.raises(InvalidInputError):
        LandUsePhotos(folder, part, classes=classes)


def test_what_is_visible_is_measured_and_said():
    rng = np.random.default_rng(0)
    green, grey = (measure(picture(tone, rng, 256)) for tone in ("green", "grey"))
    at = VISIBLE.index("green")
    assert green[at] > 0.9 and grey[at] < 0.5
    assert any("much green" in ways for ways in phrases_of(green))
    lines = np.zeros((128, 128, 3), np.uint8)
    lines[:, 30:34] = 255
    assert measure(lines)[VISIBLE.index("line")] > 0.9 and measure(lines)[VISIBLE.index("aligned")] > 0.9


def test_a_class_without_words_is_called_by_its_name():
    texts = sentences_of(
        "solar_farm", picture("grey", np.random.default_rng(0)), 5, np.random.default_rng(0), named=True
    )
    assert all("a solar farm" in text for text in texts)


def test_nonsense_that_is_reported_on_was_never_known():
    assert not set(read_nonsense("learn")) & set(read_nonsense("report"))


def test_floors_are_told_with_the_shares_that_they_keep_and_refuse(folder):
    floors, shares = calibrate_floors(LandmarkModel(LandmarkConfig.preset("tiny")), folder)
    assert set(floors.least) == {"text", "aerial", "ground"}
    assert all(0 <= share <= 1 for each in shares.values() for share in each.values())


def test_pictures_of_nothing_are_pictures():
    assert {made.shape for made in pictures_of_nothing(6)} == {(256, 256, 3)}
