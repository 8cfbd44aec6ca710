"""The weights that ship: the file of its card, able to find classes that it never learnt."""

import copy

import numpy as np
import pytest
import torch

from benchmarks.common import data_folder
from mlcore.digests import sha256_of
from mlcore.landmarks.config import LandmarkConfig
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
    asked = [(text, sample.group) for sample in samples for text in sample.texts]
    best = (model.embed_texts([text for text, _ in asked]) @ gallery.T).argmax(axis=1)
    for number, (_, group) in zip(best, asked, strict=True):
        right[group in unseen].append(samples[number].group == group)
    assert np.mean(right[False]) >= 0.6 and np.mean(right[True]) >= 0.2


def test_what_ships_names_no_file_of_the_machine_it_was_made_on():
    settings = read_tensors(LANDMARKS_FILE)[1]["config"]
    assert (settings["image_weights"], settings["text_weights"]) == ("", "")


def test_a_model_of_its_size_with_all_anchors_is_small_and_says_the_same_once_it_is_kept(tmp_path):
    model, rng = LandmarkModel.load(LANDMARKS_FILE), np.random.default_rng(0)
    settings = LandmarkConfig.preset("compact")
    for head in model.heads.values():
        many = torch.from_numpy(rng.normal(size=(2000, len(head.mean))).astype(np.float32))
        of, unit = np.arange(2000) % 20, head.unit(many)
        head.novelty.fit(unit, of, np.random.default_rng(0), settings.anchors)
    model.heads["ground"] = copy.deepcopy(model.heads["aerial"])
    model.save(tmp_path / "again.safetensors")
    kept = read_tensors(tmp_path / "again.safetensors")[0]
    assert (tmp_path / "again.safetensors").stat().st_size <= 20e6
    assert not [name for name in kept if "classifier" in name or name.startswith("heads.ground.")]
    assert kept["heads.text.novelty.anchors"].shape[0] == settings.anchors
    assert {kept[name].dtype for name in kept if name.endswith(".anchors")} == {torch.int8}
    assert bytes(kept["text_tower.pieces"].numpy().tobytes()).isascii()
    again = LandmarkModel.load(tmp_path / "again.safetensors")
    pictures = [rng.integers(0, 255, (64, 64, 3)).astype(np.uint8) for _ in range(3)]
    texts, places = ["a tennis court", "boats in a harbor", "xqzv blorp"], [(85.52, 27.63), (10.0, 50.0)]
    for modality, items in (("aerial", pictures), ("ground", pictures), ("text", texts), ("gps", places)):
        likeness = (model.embed(modality, items) * again.embed(modality, items)).sum(axis=1)
        assert likeness.min() > 0.99, modality
