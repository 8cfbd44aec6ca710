"""Correlation over shifts: what was moved is found again, whatever lies beyond the border or has no data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mlcore.correspondences.correlate import UNSEEN, centred, in_windows, over_shifts, peak_offsets
from mlcore.correspondences.refine import Fields, find_patches
from mlcore.correspondences.search import SearchRange, guesses

CHANNELS = 3


def made(side: int, seed: int = 0, blur: float = 1.5) -> torch.Tensor:
    """(1, CHANNELS, side, side) smooth fields."""
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=(side, side)), blur) for _ in range(CHANNELS)]
    return torch.from_numpy(np.stack(fields)).float()[None] * 4


def everywhere(fields: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(fields[:, :1])


@settings(max_examples=25, deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 1000))
def test_the_shift_of_the_map_is_the_best_of_all(dx: int, dy: int, seed: int) -> None:
    ground = made(64, seed)
    image = ground[:, :, 16:48, 16:48]
    maps = ground[:, :, 16 + dy : 48 + dy, 16 + dx : 48 + dx]
    valid = everywhere(image)

    found = over_shifts(centred(image, valid), valid, centred(maps, valid), valid)

    best = int(found.score[0, 0].argmax())
    width = found.score.shape[3]
    assert (best % width - found.reach[1], best // width - found.reach[0]) == (dx, dy)
    assert found.score.max() <= 1.001


def test_what_has_no_data_does_not_pull() -> None:
    ground = made(64)
    image, maps = ground[:, :, 16:48, 16:48].clone(), ground[:, :, 14:46, 20:52]
    valid = everywhere(image)
    image[..., :14], valid[..., :14] = 50.0, 0.0

    found = over_shifts(centred(image, valid), valid, centred(maps, everywhere(maps)), everywhere(maps))

    best = int(found.score[0, 0].argmax())
    assert (best % found.score.shape[3] - 31, best // found.score.shape[3] - 31) == (4, -2)
    assert (found.score[0, 0, 0, 0]) == UNSEEN


def test_pairs_are_scored_as_each_with_each() -> None:
    image, maps = torch.cat([made(24, 1), made(24, 2)]), torch.cat([made(16, 3), made(16, 4)])
    seen = [everywhere(image), everywhere(maps)]

    every = over_shifts(image, seen[0], maps, seen[1]).score
    paired = over_shifts(image, seen[0], maps, seen[1], paired=True).score

    assert torch.allclose(paired[:, 0], every[[0, 1], [0, 1]], atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_patch_is_found_to_a_fraction_of_a_cell(dx: float, dy: float) -> None:
    ground = made(60, blur=2.5)
    moved = torch.from_numpy(
        np.stack([ndimage.shift(channel, (dy, dx), order=3, mode="nearest") for channel in ground[0].numpy()])
    )[None]
    patch, window = ground[:, :, 20:40, 20:40], moved[:, :, 15:45, 15:45]

    valid = everywhere(window)
    scores = in_windows(centred(patch, everywhere(patch)), centred(window, valid), valid)
    offsets, top = peak_offsets(scores)

    assert torch.allclose(offsets[0], torch.tensor([5 + dx, 5 + dy]), atol=0.35)
    assert top[0] > 0.9


@pytest.mark.parametrize("turn_deg", [0, 40, -100, 170])
def test_any_rotation_and_size_is_guessed_and_refined(turn_deg: float) -> None:
    ground = made(96, blur=2.0)
    turn, scale = np.deg2rad(turn_deg), 0.9
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle, at = np.array([48.0, 48.0]), np.array([51.0, 44.0])
    back = np.linalg.inv(linear)
    offset = middle - back @ at  # of the pixel's middle, x before y
    image = torch.from_numpy(
        np.stack(
            [
                ndimage.affine_transform(
                    channel, back[::-1, ::-1], offset=(offset[::-1] - 0.5 + back[::-1, ::-1] @ [0.5, 0.5]), order=1
                )
                for channel in ground[0].numpy()
            ]
        )
    )[None].float()
    valid = everywhere(ground)

    (best, *_), *_ = guesses(Fields(ground, valid, 1.0), Fields(image, valid, 1.0), SearchRange(), 3)
    matrix = best.matrix(Fields(ground, valid, 1.0))
    found = find_patches(
        Fields(ground, valid, 1.0), Fields(image, valid, 1.0), matrix, patch=20, reach=6, step=8, temperature=0.05
    )

    true = found.map_xy @ linear.T + (at - linear @ middle)
    sure = found.score > 0.8
    assert abs((best.turn - turn + np.pi) % (2 * np.pi) - np.pi) < np.deg2rad(8)
    assert sure.sum() >= 8
    assert np.median(np.linalg.norm(found.image_xy[sure] - true[sure], axis=1)) < 1.0


def test_where_nothing_is_seen_no_patch_is_looked_for() -> None:
    fields = made(48)
    nothing = torch.zeros_like(fields[:, :1])

    found = find_patches(
        Fields(fields, nothing, 2.0), Fields(fields, everywhere(fields), 2.0), np.eye(3),
        patch=16, reach=4, step=8, temperature=0.05,
    )  # fmt: skip

    assert found.map_xy.shape == (0, 2) and len(found.confidence) == 0


def test_a_range_of_turns_holds_its_ends_and_none_twice() -> None:
    assert SearchRange(0.0, (1.0, 1.0)).turns() == [0.0] and SearchRange(0.0, (1.0, 1.0)).scales() == [1.0]
    some = SearchRange(108.0).turns()
    assert min(some) == pytest.approx(-np.deg2rad(108)) and max(some) == pytest.approx(np.deg2rad(108))
    circle = np.exp(1j * np.array(SearchRange(180.0).turns()))
    assert len(np.unique(np.round(circle, 6))) == len(circle)


def test_steps_that_a_coarser_look_passes_over_are_searched_where_the_likely_ones_convince_nobody(monkeypatch) -> None:
    ground = made(96)
    fields, seen = Fields(ground, everywhere(ground), 1.0), ground.flip(2, 3) + 2.0 * made(96, seed=5)
    image = Fields(seen, everywhere(ground), 1.0)
    monkeypatch.setattr("mlcore.correspondences.search.FOLLOWED", 10**6)
    (every,) = guesses(fields, image, SearchRange(), 3)
    monkeypatch.setattr("mlcore.correspondences.search.FOLLOWED", 2)

    likely, rest = guesses(fields, image, SearchRange(), 3)

    assert max([*likely, *rest], key=lambda guess: guess.score) == every[0]
    assert not {(one.turn, one.scale) for one in likely} & {(one.turn, one.scale) for one in rest}
