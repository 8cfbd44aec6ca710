"""Directions, classes and baselines on vectors whose answers are known."""

import numpy as np
import pytest
import torch

from mlcore.evaluation.landmarks import protocol
from mlcore.evaluation.landmarks.directions import all_directions, direction, first_is_right
from mlcore.evaluation.landmarks.features import (
    Described,
    through_heads,
    tower_features,
    towers_alone,
    with_untrained_heads,
)
from mlcore.evaluation.landmarks.keywords import by_keywords
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import Sample, SampleList
from tests.mlcore.geolocation.grounds import texture

KINDS = ("forest", "harbor", "beach", "runway")


def described(count: int = 24, noise: float = 0.0, seed: int = 0) -> Described:
    """Samples of four groups; texts and images of one sample agree but for noise."""
    rng = np.random.default_rng(seed)
    meant = rng.normal(0, 1, (count, 16))

    def seen() -> np.ndarray:
        vectors = meant + noise * rng.normal(0, 1, meant.shape)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    owners = np.arange(count)
    return Described(
        [str(number) for number in owners],
        [str(number // 3) for number in owners],
        [KINDS[number % 4] for number in owners],
        np.stack([owners * 1.0, owners * 0.0], axis=1),
        [f"a {KINDS[number % 4]} number {number}" for number in owners],
        {"aerial": seen(), "text": seen(), "gps": seen()},
        {"aerial": owners, "text": owners, "gps": owners},
    )


@pytest.fixture(scope="module")
def model() -> LandmarkModel:
    torch.manual_seed(0)
    return LandmarkModel(LandmarkConfig.preset("tiny"))


@pytest.fixture(scope="module")
def samples() -> SampleList:
    """Two textures of each of four kinds, with sentences; some lack a position or an image."""
    made = []
    for number in range(12):
        kind = KINDS[number % 4]
        aerial = texture(number % 4, 64, 64) if number != 3 else None
        gps = (10.0 + number, 50.0) if number % 2 else None
        made.append(Sample(str(number), f"place {number // 4}", aerial, None, (f"a {kind}", f"the {kind}"), gps, kind))
    return SampleList(made)


def test_a_model_that_agrees_with_itself_finds_everything_in_every_direction():
    found = all_directions(described())
    assert set(found) == {f"{a}_to_{b}" for a in ("aerial", "text", "gps") for b in ("aerial", "text", "gps") if a != b}
    for one in found.values():
        assert one.figures["r1"] == one.figures["map1k"] == 1.0 and one.items == 24
        assert one.intervals["r1"] == (1.0, 1.0) and one.chance["r1"] == pytest.approx(1 / 24)
    assert found["text_to_gps"].figures["within_1_km"] == 1.0
    assert "within_1_km" not in found["text_to_aerial"].figures


def test_positions_that_are_wrong_are_told_by_their_distance():
    one = described()
    one.vectors["gps"] = np.roll(one.vectors["gps"], 1, axis=0)
    found = direction(one, one, "aerial", "gps")
    assert found.figures["within_25_km"] == 0 and found.figures["median_km"] == pytest.approx(111.2, abs=1)
    assert found.figures["r1"] == 0


def test_noise_costs_and_intervals_hold_the_figure():
    found = direction(described(noise=1.0), described(noise=1.0), "text", "aerial")
    low, high = found.intervals["r1"]
    assert 0 < found.figures["r1"] < 1 and low <= found.figures["r1"] <= high and low < high


def test_items_that_are_nobodys_stand_in_the_way_and_are_never_right():
    queries, gallery = described(), described(noise=0.1)
    gallery.vectors["aerial"] = np.concatenate([gallery.vectors["aerial"], queries.vectors["text"]])
    gallery.owners["aerial"] = np.concatenate([np.arange(24), np.full(24, -1)])
    found = direction(queries, gallery, "text", "aerial")
    assert found.items == 48 and found.figures["r1"] == 0 and found.figures["median_rank"] == 2


def test_the_right_class_is_told_by_group_and_of_some_groups_alone():
    one = described()
    middles = {kind: np.eye(16, dtype=np.float32)[number] for number, kind in enumerate(KINDS)}
    one.vectors["text"] = np.stack([middles[group] for group in one.groups])
    one.vectors["aerial"] = np.stack([middles["forest" if group == "harbor" else group] for group in one.groups])
    assert first_is_right(one, one, "text", "aerial")["share"] == pytest.approx(0.5)  # equals count against it
    assert first_is_right(one, one, "text", "aerial", {"beach", "runway"})["share"] == 1.0
    assert first_is_right(one, one, "text", "aerial", {"harbor"})["share"] == 0.0
    assert first_is_right(one, one, "text", "aerial", set()) == {}
    assert first_is_right(one, one, "text", "aerial")["chance"] == pytest.approx(0.25)


def test_an_image_looks_for_its_class_among_the_others_alone():
    one = described(noise=0.1)
    found = direction(one, one, "aerial", "aerial", by="group")
    assert found.items == 24 and found.figures["queries"] == 24 and found.chance["r1"] == pytest.approx(5 / 23)


def test_what_the_towers_make_of_samples_goes_through_any_heads(model, samples):
    features = tower_features(model, samples)
    assert [len(features.vectors[name]) for name in ("aerial", "ground", "text", "gps")] == [11, 0, 24, 6]
    assert features.modalities == ["aerial", "text", "gps"]
    found = through_heads(model, features)
    whole = [samples.get(number) for number in range(12)]
    assert np.allclose(
        found.vectors["aerial"], model.embed_images([one.aerial for one in whole if one.aerial is not None]), atol=1e-5
    )
    assert np.allclose(
        found.vectors["text"], model.embed_texts([text for one in whole for text in one.texts]), atol=1e-5
    )
    assert np.allclose(
        found.vectors["gps"], model.embed_gps(np.array([one.gps for one in whole if one.gps])), atol=1e-5
    )


def test_untrained_heads_differ_and_leave_the_model_as_it_is(model, samples):
    features = tower_features(model, samples)
    before = through_heads(model, features).vectors["aerial"]
    fresh = with_untrained_heads(model, seed=3)
    other = through_heads(fresh, features).vectors["aerial"]
    assert not np.allclose(before, other, atol=1e-3)
    assert np.allclose(through_heads(with_untrained_heads(model, seed=3), features).vectors["aerial"], other)
    assert np.allclose(through_heads(model, features).vectors["aerial"], before)


def test_words_of_pictures_that_look_alike_find_a_picture(model, samples):
    features = tower_features(model, samples)
    found = by_keywords(features, features, neighbours=2)
    told = first_is_right(found, found, "text", "aerial")
    assert told["share"] > 0.9  # the textures of a kind are the same, and so are their words
    assert np.allclose(np.linalg.norm(towers_alone(features).vectors["aerial"], axis=1), 1, atol=1e-5)


def test_the_protocol_tells_every_method_and_seen_and_unseen_classes_apart(model, samples):
    features = tower_features(model, samples)
    methods = protocol.methods_of(model, features, features)
    told = protocol.land_use(methods, ["beach"])
    assert set(told) == {"landmarks", "untrained", "towers", "keywords"}
    assert told["landmarks"]["text_to_class_unseen"]["queries"] == 6
    assert told["landmarks"]["text_to_class_seen"]["queries"] == 18
    assert {"aerial_same_class", "aerial_same_class_seen", "aerial_same_class_unseen"} <= set(told["towers"])
    held_out = np.array([number < 4 for number in range(12)])
    region = protocol.region(methods, held_out)
    found = region["landmarks"]["held_out"]["gps_to_aerial"]
    assert found["items"] == 11 and found["figures"]["queries"] == 1
    assert found["ratio_r10"] == pytest.approx(found["figures"]["r10"] / found["chance"]["r10"])
