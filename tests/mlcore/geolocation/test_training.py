import cv2
import numpy as np
import pytest
import torch

from mlcore.errors import CheckpointError, InvalidInputError, StoppedError
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.grounds import PictureGround, draw_pair, relit, warped
from mlcore.geolocation.training import train_locator
from mlcore.progress import SilentProgress

TINY = GeolocationConfig.preset("tiny")


def pictures(count: int, side: int = 300) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [cv2.resize(rng.integers(0, 255, (side // 12, side // 12, 3), np.uint8), (side, side)) for _ in range(count)]


def ground(count: int = 4, side: int = 300) -> PictureGround:
    return PictureGround(pictures(count, side), categories=[np.eye(7)[number % 7] for number in range(count)])


class Kept(SilentProgress):
    def __init__(self, stop_after: int | None = None) -> None:
        self.figures: list[dict[str, float]] = []
        self.stop_after = stop_after

    def report(self, fraction, message="", figures=None):
        if figures and "locator/loss" in figures:
            self.figures.append(dict(figures))

    def should_stop(self):
        return self.stop_after is not None and len(self.figures) >= self.stop_after


@pytest.mark.parametrize("side", [300, 150])
def test_a_pair_shows_the_same_ground_where_its_matrix_says(side):
    for seed in range(6):
        pair = draw_pair(ground(side=side), TINY, np.random.default_rng(seed))
        laid, seen = warped(pair.query, pair.query_valid, pair.matrix, TINY.train_base_px)
        seen &= pair.base_valid
        near, near_seen = warped(pair.near_query, pair.near_valid, pair.near_matrix, TINY.train_fine_px)
        for ours, theirs, where in ((laid, pair.base, seen), (near, pair.near_base, near_seen)):
            if where.sum() > 2000:
                one, other = (each[where].mean(axis=1) for each in (ours, theirs))
                assert np.corrcoef(one, other)[0, 1] > 0.6


def test_a_pair_is_the_same_for_the_same_draw():
    one, other = (draw_pair(ground(), TINY, np.random.default_rng(3)) for _ in range(2))
    assert (one.query == other.query).all() and (one.matrix == other.matrix).all()


def test_another_light_leaves_what_has_no_data_black():
    picture = pictures(1)[0]
    picture[:50] = 0
    assert (relit(picture, np.random.default_rng(0))[:50] == 0).all()


def test_nothing_to_learn_from_is_refused(tmp_path):
    with pytest.raises(InvalidInputError):
        PictureGround([])
    with pytest.raises(InvalidInputError, match="nothing to learn from"):
        train_locator([], TINY, run_dir=tmp_path)


@pytest.mark.parametrize("changes", [{}, {"contrast": 0.0, "dustbin": False, "descriptor_weight": 0.0}])
def test_training_learns(tmp_path, changes):
    config = GeolocationConfig.preset("tiny", steps=36, learning_rate=3e-3, pairs_per_epoch=12, batch=4, **changes)
    kept = Kept()
    train_locator([(ground(), 1.0)], config, run_dir=tmp_path, progress=kept)
    losses = [each["locator/loss"] for each in kept.figures]
    assert len(losses) == 12 and np.mean(losses[-3:]) < 0.9 * losses[0]


def test_a_stopped_run_goes_on_and_ends_as_an_undisturbed_one(tmp_path):
    config = GeolocationConfig.preset("tiny", steps=6)
    straight = train_locator([(ground(), 1.0)], config, run_dir=tmp_path / "straight")
    with pytest.raises(StoppedError):
        train_locator([(ground(), 1.0)], config, run_dir=tmp_path / "stopped", progress=Kept(stop_after=1))
    resumed = train_locator([(ground(), 1.0)], config, run_dir=tmp_path / "stopped")
    theirs = resumed.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in straight.state_dict().items())
    assert straight.digest == resumed.digest


def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path):
    train_locator([(ground(), 1.0)], GeolocationConfig.preset("tiny", steps=2), run_dir=tmp_path)
    with pytest.raises(CheckpointError, match="other data or settings"):
        train_locator([(ground(), 1.0)], GeolocationConfig.preset("tiny", steps=8), run_dir=tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"topics": False}, {"distillation": False}, {"weighted": False}, {"attributes": False}, {"masking": 1.0},
     {"centre_assignment": False}, {"fine_matching": False}, {"context": False}],
)  # fmt: skip
def test_every_ablation_trains(tmp_path, changes):
    config = GeolocationConfig.preset("tiny", steps=2, **changes)
    kept = Kept()
    train_locator([(ground(), 1.0)], config, run_dir=tmp_path, progress=kept)
    assert np.isfinite(kept.figures[-1]["locator/loss"])
