"""The structure matcher: fields of both pictures, a rough place by correlation, points by patches.

The default of the product: on the protocols it beats the published design, of which it keeps the global-to-local order.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcore.correspondences.matches import Matches, checked_picture, no_matches
from mlcore.correspondences.refine import Fields, Found, find_patches
from mlcore.correspondences.robust import robust_fit
from mlcore.correspondences.search import Guess, SearchRange, guesses
from mlcore.correspondences.structure import FIELD_STRIDE, StructureModel
from mlcore.encoders.unet import STRIDE_PX

WORK_PX = 512
"""Pictures are brought to this longest side before they are read."""
COARSE_POOL, MIDDLE_POOL = 4, 2
GUESSES = 6
MIDDLE_PATCH, MIDDLE_REACH, MIDDLE_STEP = 20, 7, 12
FINE_PATCH, FINE_REACH, FINE_STEP = 24, 8, 12
MIDDLE_WITHIN_PX = 8.0
LEAST_CONFIDENCE = 0.2


class StructureMatcher:
    """Matches any two pictures of the ground.

    Args:
        model: in eval mode.
        reach: which rotations and scales are tried.
    """

    name = "structure"

    def __init__(self, model: StructureModel, reach: SearchRange | None = None) -> None:
        self.model, self.reach = model.eval(), reach or SearchRange()

    @classmethod
    def load(cls, path: Path, reach: SearchRange | None = None, sha256: str | None = None) -> StructureMatcher:
        """With the weights of a file; CheckpointError where they can't be used."""
        return cls(StructureModel.load(path, sha256), reach)

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
        maps, map_scale = self._fields(checked_picture(map_rgb, "map"), map_valid)
        image, image_scale = self._fields(checked_picture(image_rgb, "image"), image_valid)
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        with torch.no_grad():
            rough = self._rough(maps, image)
            best: Found | None = None
            for guess in rough:
                found = self._follow(maps, image, guess)
                if found is not None and (best is None or _support(found) > _support(best)):
                    best = found
        if best is None:
            return no_matches(area)
        window = ((2 * FINE_REACH + 1) * image.stride_px / image_scale) ** 2
        return Matches(best.map_xy / map_scale, best.image_xy / image_scale, best.confidence, window)

    def fields(self, rgb: np.ndarray) -> Tensor:
        """(C, H / 2, W / 2) what the network sees in a picture, for who wants to look."""
        return self._fields(checked_picture(rgb, "picture"), None)[0].values[0]

    def _rough(self, maps: Fields, image: Fields) -> list[Guess]:
        coarse_map, coarse_image = maps.pooled(COARSE_POOL), image.pooled(COARSE_POOL)
        return guesses(
            coarse_map.values, coarse_map.valid, coarse_image.values, coarse_image.valid, self.reach, GUESSES
        )

    def _follow(self, maps: Fields, image: Fields, guess: Guess) -> Found | None:
        """What the patches say about a guess, first on coarser fields over a wider window."""
        coarse = maps.pooled(COARSE_POOL)
        matrix = guess.matrix(coarse.size, coarse.stride_px)
        temperature = float(self.model.log_fine.exp())
        wide = find_patches(
            maps.pooled(MIDDLE_POOL), image.pooled(MIDDLE_POOL), matrix,
            patch=MIDDLE_PATCH, reach=MIDDLE_REACH, step=MIDDLE_STEP, temperature=temperature,
        )  # fmt: skip
        fitted = robust_fit("similarity", _as_matches(wide, image), MIDDLE_WITHIN_PX)
        if fitted is None:
            return None
        return find_patches(
            maps, image, fitted[0].matrix,
            patch=FINE_PATCH, reach=FINE_REACH, step=FINE_STEP, temperature=temperature,
        )  # fmt: skip

    def _fields(self, rgb: np.ndarray, valid: np.ndarray | None) -> tuple[Fields, float]:
        """Fields of a picture at work size, and by how much it was drawn smaller for that."""
        seen = rgb.any(axis=2) if valid is None else valid
        scale = WORK_PX / max(rgb.shape[:2])
        height, width = (max(STRIDE_PX, round(side * scale)) for side in rgb.shape[:2])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (width, height), interpolation=way)
        known = cv2.resize(np.asarray(seen, np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        bottom, right = -height % (STRIDE_PX * COARSE_POOL), -width % (STRIDE_PX * COARSE_POOL)
        small = np.pad(small, [(0, bottom), (0, right), (0, 0)])
        known = np.pad(known, [(0, bottom), (0, right)])
        pictures = torch.from_numpy(small)[None].permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            values = self.model(pictures)
        shown = torch.from_numpy(known)[None, None].float()
        shown = (torch.nn.functional.avg_pool2d(shown, FIELD_STRIDE) > 0.99).float()
        return Fields(values.clone(), shown, float(FIELD_STRIDE)), scale


def _support(found: Found) -> float:
    """How much the patches believe in a guess."""
    return float((found.confidence * np.clip(found.score, 0, None)).sum())


def _as_matches(found: Found, image: Fields) -> Matches:
    sure = found.confidence >= LEAST_CONFIDENCE
    area = float(image.size[0] * image.size[1]) * image.stride_px**2
    return Matches(found.map_xy[sure], found.image_xy[sure], found.confidence[sure], area)
