"""The structure matcher: fields of both pictures, a rough place by correlation, points by patches.

The default of the product. Of the published design (`graph`) it keeps the order from global to local; the two were not
held against each other yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcore.correspondences.matches import Matches, checked_picture, no_matches
from mlcore.correspondences.refine import Fields, find_patches
from mlcore.correspondences.robust import robust_fit
from mlcore.correspondences.search import Guess, SearchRange, guesses
from mlcore.correspondences.structure import COARSE_STRIDE, FIELD_STRIDE, StructureModel
from mlcore.encoders.unet import STRIDE_PX
from mlcore.geometry.chance import log10_nfa
from mlcore.learning.precision import bfloat16_is_native

WORK_PX = 512
"""Pictures are brought to this longest side before they are read."""
MIDDLE_POOL = 2
GUESSES = 6
MIDDLE_PATCH, MIDDLE_REACH, MIDDLE_STEP = 20, 7, 12
FINE_PATCH, FINE_REACH, FINE_STEP = 28, 5, 18
"""Larger or denser patches share more of what they show, and agree where nothing does: of 102 pairs of different ground
3 were let through with patches of 32 cells every 14, none with these; as many points were right with either.
"""
MIDDLE_WITHIN_PX = 8.0
BEYOND_DOUBT = -20.0
"""log10 of how many guesses of chance are as good: nothing that is looked at later will be better."""


@dataclass(frozen=True)
class Seen:
    """A picture as the network sees it.

    Attributes:
        fine, coarse: its fields.
        scale: by how much it was resized for that.
    """

    fine: Fields
    coarse: Fields
    scale: float


@dataclass(frozen=True)
class Placed:
    """A guess that patches were asked about.

    Attributes:
        belief: the sum of what those that agree are sure.
        log10_nfa: of guesses of chance on which as many agree.
        matrix: (3, 3) the similarity that they agree on.
    """

    belief: float
    log10_nfa: float
    matrix: np.ndarray


class StructureMatcher:
    """Matches any two pictures of the ground.

    Args:
        model: in eval mode, on the device it runs on.
        reach: which rotations and scales are tried.
    """

    name = "structure"

    def __init__(self, model: StructureModel, reach: SearchRange | None = None) -> None:
        self.model, self.reach = model.eval(), reach or SearchRange()
        self.device = next(model.parameters()).device

    @classmethod
    def load(
        cls, path: Path, reach: SearchRange | None = None, sha256: str | None = None, device: str = "cpu"
    ) -> StructureMatcher:
        """With the weights of a file, on `device`; CheckpointError where they can't be used."""
        return cls(StructureModel.load(path, sha256).to(device), reach)

    def match(
        self,
        map_rgb: np.ndarray,
        image_rgb: np.ndarray,
        *,
        map_valid: np.ndarray | None = None,
        image_valid: np.ndarray | None = None,
    ) -> Matches:
        """Points of the map and where the image shows them.

        Args:
            map_rgb, image_rgb: (H, W, 3) uint8 each.
            map_valid, image_valid: (H, W) bool, where there is something to see; None: everywhere that is not black.

        Raises:
            InvalidInputError: a picture that can't be matched.
        """
        maps = self.read(checked_picture(map_rgb, "map"), map_valid)
        image = self.read(checked_picture(image_rgb, "image"), image_valid)
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        with torch.no_grad():
            rough = guesses(maps.coarse, image.coarse, self.reach, GUESSES)
            placed = self._surest(rough, maps, image)
            if placed is None:
                return no_matches(area)
            found = find_patches(
                maps.fine, image.fine, placed.matrix,
                patch=FINE_PATCH, reach=FINE_REACH, step=FINE_STEP, temperature=self._temperature,
            )  # fmt: skip
        window = ((2 * FINE_REACH + 1) * image.fine.stride_px / image.scale) ** 2
        return Matches(found.map_xy / maps.scale, found.image_xy / image.scale, found.confidence, window)

    def read(self, rgb: np.ndarray, valid: np.ndarray | None = None) -> Seen:
        """What the network sees in a picture.

        Args:
            rgb: (H, W, 3) uint8; valid: (H, W) bool.
        """
        seen = rgb.any(axis=2) if valid is None else valid
        scale = WORK_PX / max(rgb.shape[:2])
        height, width = (max(STRIDE_PX, round(side * scale)) for side in rgb.shape[:2])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (width, height), interpolation=way)
        known = cv2.resize(np.asarray(seen, np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        bottom, right = -height % STRIDE_PX, -width % STRIDE_PX
        small = np.pad(small, [(0, bottom), (0, right), (0, 0)])
        known = np.pad(known, [(0, bottom), (0, right)])
        pictures = torch.from_numpy(small)[None].to(self.device).permute(0, 3, 1, 2).float() / 255
        half = bfloat16_is_native(str(self.device))
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            fine, coarse = self.model(pictures)
        shown = torch.from_numpy(known)[None, None].to(self.device).float()
        return Seen(_as_fields(fine, shown, FIELD_STRIDE), _as_fields(coarse, shown, COARSE_STRIDE), scale)

    @property
    def _temperature(self) -> float:
        return float(self.model.log_fine.exp())

    def _surest(self, rough: Sequence[Guess], maps: Seen, image: Seen) -> Placed | None:
        """The guess that most patches believe in; the rest are left unseen once one is beyond doubt."""
        middle = maps.fine.pooled(MIDDLE_POOL), image.fine.pooled(MIDDLE_POOL)
        best: Placed | None = None
        for guess in rough:
            placed = self._placed(*middle, guess.matrix(maps.coarse))
            if placed is not None and (best is None or placed.belief > best.belief):
                best = placed
            if best is not None and best.log10_nfa <= BEYOND_DOUBT:
                break
        return best

    def _placed(self, maps: Fields, image: Fields, matrix: np.ndarray) -> Placed | None:
        """What patches of the coarser fields make of a guess."""
        found = find_patches(
            maps, image, matrix,
            patch=MIDDLE_PATCH, reach=MIDDLE_REACH, step=MIDDLE_STEP, temperature=self._temperature,
        )  # fmt: skip
        window = ((2 * MIDDLE_REACH + 1) * image.stride_px) ** 2
        matches = Matches(found.map_xy, found.image_xy, found.confidence, window)
        fitted = robust_fit("similarity", matches, MIDDLE_WITHIN_PX)
        if fitted is None:
            return None
        transform, inliers = fitted
        nfa = log10_nfa(len(matches), int(inliers.sum()), 2, MIDDLE_WITHIN_PX, window)
        return Placed(float(matches.confidence[inliers].sum()), nfa, transform.matrix)


def _as_fields(values: Tensor, known: Tensor, stride_px: int) -> Fields:
    valid = (torch.nn.functional.avg_pool2d(known, stride_px) > 0.99).float()
    return Fields(values.float(), valid, float(stride_px))
