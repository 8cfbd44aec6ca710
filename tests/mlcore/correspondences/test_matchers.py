"""Matchers behind one interface, their training, and their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mlcore.correspondences.classical import ClassicalMatcher, classical_names
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.grounds import PhotoGround, SeenTwice
from mlcore.correspondences.matcher import StructureMatcher
from mlcore.correspondences.robust import magsac_homography, register
from mlcore.correspondences.search import SearchRange
from mlcore.correspondences.structure import StructureModel
from mlcore.correspondences.training import train_structure, turned_back
from mlcore.correspondences.warps import WarpRange, corner_error_px, random_warp, warped
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, StoppedError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import EvidenceModel

SIZE = 256
TINY = StructureConfig(
    widths=(8, 8, 12, 16), channels=4, coarse_channels=4, steps=4, batch=2, crop_px=128, patches=4, steps_per_epoch=2
)  # fmt: skip


def texture(seed: int = 0, size: int = SIZE) -> np.ndarray:
    """(size, size, 3) uint8 of blobs at several scales."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(size=(side, side, 3)), (size, size)) for side in (8, 32, 96)]
    return np.clip(128 + 45 * sum(layers), 1, 255).astype(np.uint8)


class Until:
    """Asks to stop after so many reports."""

    def __init__(self, count: int) -> None:
        self.left = count

    def report(self, fraction: float, message: str = "", figures: object = None) -> None:
        self.left -= 1

    def should_stop(self) -> bool:
        return self.left <= 0


@pytest.mark.parametrize("name", classical_names())
def test_opencv_s_matchers_find_a_warp_of_the_same_picture(name: str) -> None:
    true = random_warp(SIZE, WarpRange(30, 0.1, (0.9, 1.1)), 4)
    picture = texture()

    matches = ClassicalMatcher(name).match(picture, warped(picture, true, SIZE))

    assert corner_error_px(magsac_homography(matches), true, SIZE) < 5
    assert register(matches, (SIZE, SIZE)).transform is not None
    assert (matches.confidence >= 0).all() and (matches.confidence <= 1).all()


def test_pictures_without_a_point_have_no_match() -> None:
    flat = np.full((SIZE, SIZE, 3), 90, np.uint8)
    for name in classical_names():
        assert len(ClassicalMatcher(name).match(flat, flat)) == 0
    assert register(ClassicalMatcher("sift").match(flat, flat), (SIZE, SIZE)).transform is None


def test_a_matcher_that_this_opencv_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(InvalidInputError, match="sift"):
        ClassicalMatcher("superglue")


def test_the_structure_matcher_takes_any_sizes_and_says_no_where_nothing_is_alike() -> None:
    torch.manual_seed(0)
    matcher = StructureMatcher(StructureModel(TINY), SearchRange(10, (0.95, 1.05)))

    found = matcher.match(texture(1, 200), np.ascontiguousarray(texture(2)[:180]))

    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    assert register(found, (200, 200)).transform is None
    black = np.zeros((100, 100, 3), np.uint8)
    assert len(matcher.match(black, black)) == 0
    with pytest.raises(InvalidInputError, match="not empty"):
        matcher.match(np.zeros((0, 5, 3), np.uint8), black)
    with pytest.raises(InvalidInputError, match="picture of bytes"):
        matcher.match(np.zeros((5, 5), np.uint8), black)


def test_even_without_training_a_picture_is_found_in_itself() -> None:
    torch.manual_seed(0)
    picture = texture(5)
    true = np.array([[1, 0, 14.0], [0, 1, -9], [0, 0, 1]])

    found = StructureMatcher(StructureModel(TINY), SearchRange(0, (1, 1))).match(picture, warped(picture, true, SIZE))

    taken = register(found, (SIZE, SIZE))
    assert taken.transform is not None
    assert corner_error_px(taken.transform.matrix, true, SIZE) < 1.5


def test_training_stopped_and_resumed_gives_the_weights_of_a_straight_run(tmp_path: Path) -> None:
    grounds = [(PhotoGround([texture(seed, 300) for seed in range(3)]), 1.0)]
    straight = train_structure(grounds, TINY, run_dir=tmp_path / "straight")
    with pytest.raises(StoppedError):
        train_structure(grounds, TINY, run_dir=tmp_path / "broken", progress=Until(1))
    resumed = train_structure(grounds, TINY, run_dir=tmp_path / "broken")

    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in straight.state_dict().items())
    torch.manual_seed(0)
    untaught = StructureModel(TINY).state_dict()
    assert any(not torch.equal(value, untaught[name]) for name, value in straight.state_dict().items())


def test_what_was_seen_turned_is_turned_back_to_where_it_was() -> None:
    cells, stride = 32, 8
    side = cells * stride
    upright = torch.from_numpy(cv2.resize(texture(7), (cells, cells))).permute(2, 0, 1)[None].float()
    middle = np.array([[1, 0, -side / 2], [0, 1, -side / 2], [0, 0, 1.0]])
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    seen = np.linalg.inv(middle) @ turn @ middle
    shown = torch.rot90(upright, -1, (2, 3))  # x to the right goes down: as `seen` turns it

    back, known = turned_back(shown, torch.ones(1, 1, cells, cells), torch.tensor(seen[None]).float(), stride)

    assert known.mean() > 0.9
    assert torch.allclose(back * known, upright * known, atol=1.0)


def test_training_starts_from_the_trunk_of_an_evidence_network(tmp_path: Path) -> None:
    grounds = [(PhotoGround([texture(0, 300)]), 1.0)]
    start = EvidenceModel(EvidenceConfig(widths=TINY.widths)).state_dict()
    slow = StructureConfig(**TINY.to_dict() | {"steps": 1, "steps_per_epoch": 1, "learning_rate": 1e-9})

    model = train_structure(grounds, slow, run_dir=tmp_path, initial=start)

    name = "enc_deep.first.weight"
    assert torch.allclose(model.state_dict()[name], start[name], atol=1e-6)
    with pytest.raises(InvalidInputError, match="other widths"):
        train_structure(grounds, slow, run_dir=tmp_path / "b", initial=EvidenceModel().state_dict())
    with pytest.raises(InvalidInputError, match="nothing to learn from"):
        train_structure([], slow, run_dir=tmp_path / "c")


def test_a_place_that_is_not_exact_teaches_no_patch(tmp_path: Path) -> None:
    class Off(PhotoGround):
        def draw(self, rng: np.random.Generator) -> SeenTwice:
            return replace(super().draw(rng), exact=False)

    class Keeping(Until):
        def report(self, fraction: float, message: str = "", figures: object = None) -> None:
            self.figures = figures

    told = {}
    for kind in (PhotoGround, Off):
        keeping = Keeping(9)
        train_structure([(kind([texture(0, 300)]), 1.0)], TINY, run_dir=tmp_path / kind.__name__, progress=keeping)
        told[kind] = keeping.figures["structure/fine_loss"]
    assert told[PhotoGround] > 0 and told[Off] == 0


def test_a_saved_matcher_is_the_same_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = StructureModel(TINY).eval()
    digest = model.save(tmp_path / "matcher.safetensors")

    back = StructureModel.load(tmp_path / "matcher.safetensors", digest)

    assert back.config == TINY
    assert all(torch.allclose(value.float(), back.state_dict()[name].float(), rtol=2e-3, atol=1e-4)
               for name, value in model.state_dict().items())  # fmt: skip
    with pytest.raises(CheckpointError):
        StructureModel.load(tmp_path / "matcher.safetensors", "0" * 64)
    from mlcore.weights import GENERAL_FILE

    with pytest.raises(CheckpointError, match="not a matcher"):
        StructureModel.load(GENERAL_FILE)


@pytest.mark.parametrize("wrong", [{"crop_px": 100}, {"batch": 1}, {"channels": 0}, {"learning_rate": 2.0}])
def test_settings_that_can_t_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        StructureConfig.from_dict(TINY.to_dict() | wrong)
    with pytest.raises(ConfigError, match="unknown"):
        StructureConfig.from_dict({"colour": 1})
