"""Matchers of `vismatch`: of the real package where it is there, and of a stand-in with its documented interface."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlcore.cli.evaluate_matching import matcher_of
from mlcore.correspondences.installed import InstalledMatcher
from mlcore.correspondences.robust import magsac_homography
from mlcore.correspondences.warps import WarpRange, corner_error_px, random_warp, warped
from mlcore.errors import InvalidInputError, MissingPackageError
from tests.mlcore.correspondences.test_matchers import SIZE, texture

INSTALLED = importlib.util.find_spec("vismatch") is not None
STAND_IN = '''
"""Not vismatch: as much of its interface as an adapter uses, with OpenCV's SIFT behind."""
import cv2
import numpy as np

__version__ = "0.1"
available_models = ["sift-nn", "broken", "heavy"]


class _Matcher:
    skip_ransac = False

    def __call__(self, img0, img1):
        assert self.skip_ransac and img0.shape[0] == 3 and 0 <= float(img0.min()) <= float(img0.max()) <= 1
        sift, sides = cv2.SIFT_create(), []
        for img in (img0, img1):
            grey = cv2.cvtColor((img.permute(1, 2, 0).numpy() * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
            sides.append(sift.detectAndCompute(grey, None))
        (kpts0, words0), (kpts1, words1) = sides
        if words0 is None or words1 is None:
            return {"matched_kpts0": np.empty([0, 2]), "matched_kpts1": np.empty([0, 2]), "matched_confidences": None}
        pairs = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(words0, words1)
        there = np.array([kpts1[pair.trainIdx].pt for pair in pairs])
        there[0] = np.nan
        return {
            "matched_kpts0": np.array([kpts0[pair.queryIdx].pt for pair in pairs]),
            "matched_kpts1": there,
            "matched_confidences": np.array([2.0 if number == 1 else 0.5 for number in range(len(pairs))]),
        }


def get_matcher(matcher_name, device="cpu"):
    if matcher_name == "broken":
        raise RuntimeError("no weights could be had")
    if matcher_name == "heavy":
        import a_package_that_nobody_has
    return _Matcher()
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in in the place of the package."""
    (tmp_path / "vismatch").mkdir()
    (tmp_path / "vismatch" / "__init__.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    kept = sys.modules.pop("vismatch", None)
    yield
    sys.modules.pop("vismatch", None)
    if kept is not None:
        sys.modules["vismatch"] = kept


def test_its_points_are_brought_into_our_frame_and_what_is_not_finite_is_left_out(package: None) -> None:
    true = random_warp(SIZE, WarpRange(20, 0.1, (0.9, 1.1)), 4)
    picture = texture()
    matcher = matcher_of("vismatch:sift-nn", "full", None)

    found = matcher.match(picture, warped(picture, true, SIZE))

    assert matcher.name == "vismatch:sift-nn"
    assert corner_error_px(magsac_homography(found), true, SIZE) < 1
    assert np.isfinite(found.image_xy).all() and found.reach_px2 == SIZE**2
    assert set(found.confidence) == {0.5, 1.0}
    flat = np.full((SIZE, SIZE, 3), 90, np.uint8)
    assert len(matcher.match(flat, flat)) == 0


def test_a_matcher_that_it_lacks_or_can_t_make_is_refused(package: None) -> None:
    with pytest.raises(InvalidInputError, match="choose one of sift-nn"):
        InstalledMatcher("vismatch:oracle")
    with pytest.raises(InvalidInputError, match="no weights could be had"):
        InstalledMatcher("broken")
    with pytest.raises(MissingPackageError, match="a_package_that_nobody_has"):
        InstalledMatcher("heavy")


@pytest.mark.skipif(INSTALLED, reason="vismatch is installed here")
def test_without_the_package_it_says_what_to_install() -> None:
    with pytest.raises(MissingPackageError, match="pip install vismatch"):
        InstalledMatcher("vismatch:sift-nn")


@pytest.mark.skipif(not INSTALLED, reason="needs the package vismatch: pip install vismatch")
def test_the_real_package_s_sift_finds_a_warp() -> None:
    true = random_warp(SIZE, WarpRange(20, 0.1, (0.9, 1.1)), 4)
    found = InstalledMatcher("vismatch:sift-nn").match(texture(), warped(texture(), true, SIZE))
    assert corner_error_px(magsac_homography(found), true, SIZE) < 5
