"""The weights that ship: the file of its card, able to find classes that it never learnt."""

import numpy as np
import pytest

from benchmarks.common import data_folder
from mlcore.digests import sha256_of
from mlcore.landmarks.land_use import LandUsePhotos, classes_of, unseen_classes
from mlcore.landmarks.model import LandmarkModel
from mlcore.learning.checkpoints import read_tensors
from mlcore.weights import LANDMARKS_FILE


def test_the_file_is_the_one_of_its_card_and_small():
    assert sha256_of(LANDMARKS_FILE) in (LANDMARKS_FILE.parent / "README.md").read_text(encoding="utf-8")
    assert LANDMARKS_FILE.stat().st_size <= 20e6


def test_it_needs_no_other_file_and_has_its_floors():
    model = LandmarkModel.load(LANDMARKS_FILE)
    assert {"text", "aerial", "ground"} <= set(model.floors.least)
    likeness = model.embed_texts(["a tennis court", "tennis courts", "dense trees in a forest"])
    assert likeness[0] @ likeness[1] > likeness[0] @ likeness[2]


@pytest.mark.slow
def test_words_find_their_class_among_photos_never_learnt_from():
    folder = data_folder() / "ucmerced"
    if not folder.is_dir():
        pytest.skip("shared/data/ucmerced is not here: set MAPWRIGHT_DATA")
    model, photos = LandmarkModel.load(LANDMARKS_FILE), LandUsePhotos(folder, "report", sentences=2)
    samples = [photos.get(number) for number in range(len(photos))]
    gallery = model.embed_images([sample.aerial for sample in samples])
    unseen, right = unseen_classes(classes_of(folder)), {True: [], False: []}
    for sample in samples:
        best = (model.embed_texts(sample.texts) @ gallery.T).argmax(axis=1)
        right[sample.group in unseen] += [samples[number].group == sample.group for number in best]
    assert np.mean(right[False]) >= 0.6 and np.mean(right[True]) >= 0.2


def test_what_ships_names_no_file_of_the_machine_it_was_made_on():
    settings = read_tensors(LANDMARKS_FILE)[1]["config"]
    assert (settings["image_weights"], settings["text_weights"]) == ("", "")
