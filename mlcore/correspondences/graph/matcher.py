"""The graph matcher behind the interface that all matchers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcore.correspondences.graph.assignment import mutual_nearest
from mlcore.correspondences.graph.detector import Dense
from mlcore.correspondences.graph.model import GraphModel, Keypoints
from mlcore.correspondences.graph.refine import refined
from mlcore.correspondences.matches import Matches, checked_picture, no_matches
from mlcore.encoders.unet import STRIDE_PX
from mlcore.errors import InvalidInputError
from mlcore.learning.precision import bfloat16_is_native

LEAST_KEYPOINTS = 2
THICK_PX = 15
EvidenceOf = Callable[[Tensor], Tensor]
"""(B, 3, H, W) RGB in 0..1 -> (B, classes, h, w): what stands where, of a network that was trained apart."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a picture, its keypoints, and by how much it was resized for them, by x and by y."""

    dense: Dense
    keypoints: Keypoints
    scale: tuple[float, float]

    @property
    def count(self) -> int:
        return int(self.keypoints.points.known.sum())

    def places(self, xy: Tensor) -> np.ndarray:
        """(K, 2) float64 in pixels of the picture as it came."""
        return np.asarray(xy.cpu().double().numpy() / np.array(self.scale))


class GraphMatcher:
    """Matches two pictures by keypoints.

    Args:
        model: in eval mode, on the device it runs on.
        evidence: of a model that learnt with evidence.
    """

    name = "graph"

    def __init__(self, model: GraphModel, evidence: EvidenceOf | None = None) -> None:
        if (evidence is None) != (model.config.classes == 0):
            raise InvalidInputError(f"this matcher was made for {model.config.classes} classes of evidence")
        self.model, self.evidence = model.eval(), evidence
        self.device = next(model.parameters()).device

    @classmethod
    def load(cls, path: Path, sha256: str | None = None, evidence: EvidenceOf | None = None) -> GraphMatcher:
        """With the weights of a file; CheckpointError where they can't be used."""
        return cls(GraphModel.load(path, sha256), evidence)

    @torch.no_grad()
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
            map_valid, image_valid: (H, W) bool, where there is something to see; None: `not_black`.

        Raises:
            InvalidInputError: a picture that can't be matched.
        """
        maps = self.read(checked_picture(map_rgb, "map"), map_valid)
        image = self.read(checked_picture(image_rgb, "image"), image_valid)
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        if min(maps.count, image.count) < LEAST_KEYPOINTS:
            return no_matches(area)
        table = self.model.match(maps.keypoints, image.keypoints).tables[-1]
        (pairs,) = mutual_nearest(table, self.model.config.least_confidence)
        map_xy, image_xy = maps.keypoints.points.xy[0, pairs.first], image.keypoints.points.xy[0, pairs.second]
        turns = self._turns(maps, map_xy), self._turns(image, image_xy)
        image_xy = refined(maps.dense, image.dense, map_xy, image_xy, turns)
        confidence = pairs.confidence.cpu().double().numpy()
        inside = np.clip(image.places(image_xy), 0, image_rgb.shape[1::-1])
        return Matches(maps.places(map_xy), inside, confidence, area)

    def _turns(self, seen: Seen, xy: Tensor) -> Tensor:
        return self.model.detector.surroundings.turns(seen.dense, xy[None])[0]

    @torch.no_grad()
    def read(self, rgb: np.ndarray, valid: np.ndarray | None = None) -> Seen:
        """The keypoints of a picture.

        Args:
            rgb: (H, W, 3) uint8; valid: (H, W) bool.
        """
        if valid is not None and valid.shape != rgb.shape[:2]:
            raise InvalidInputError("a picture and what is valid of it must be of one size")
        config, (tall, wide) = self.model.config, rgb.shape[:2]
        factor = config.size_px / max(tall, wide)
        height, width = (max(STRIDE_PX, round(side * factor)) for side in (tall, wide))
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        seen = np.asarray(not_black(rgb) if valid is None else valid, np.uint8)
        known = cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST)
        rim = [(0, -height % STRIDE_PX), (0, -width % STRIDE_PX)]
        pictures = (
            torch.from_numpy(np.pad(small, [*rim, (0, 0)]))[None].to(self.device).permute(0, 3, 1, 2).float() / 255
        )
        shown = torch.from_numpy(np.pad(known, rim))[None, None].to(self.device).float()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16_is_native(str(self.device))):
            dense = self.model.detector(pictures).float()
        evidence = None if self.evidence is None else self.evidence(pictures)
        keypoints = self.model.keypoints(dense, pictures, shown, config.keypoints, evidence)
        return Seen(dense, keypoints, (width / wide, height / tall))


def not_black(rgb: np.ndarray) -> np.ndarray:
    """(H, W) bool: all but black areas that reach the frame and are THICK_PX thick, as turning a picture leaves them.

    Black lines and black buildings of a map are something to see: keypoints lie on them.

    Args:
        rgb: (H, W, 3) uint8.
    """
    black = np.asarray(~rgb.any(axis=2), np.uint8)
    thick = np.asarray(cv2.morphologyEx(black, cv2.MORPH_OPEN, np.ones((THICK_PX, THICK_PX), np.uint8)))
    _, parts = cv2.connectedComponents(thick)
    at_frame = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return ~np.isin(parts, at_frame[at_frame > 0])
