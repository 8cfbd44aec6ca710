"""What a crop's labels weigh, which of them are believed, and the loss of the evidence network."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.samples import CropBatch
from mlcore.evidence.verified import SURE_WEIGHT

OUTLINE_GAIN = 3.0
OVERLAP_WEIGHT = 0.5
STALE_FOOTPRINT, MISSED_BUILDING = 0.15, 0.9
"""Mean evidence of a footprint below which, and evidence of bare ground above which, the label is not believed."""


def pixel_weights(batch: CropBatch, config: EvidenceConfig) -> np.ndarray:
    """(B, H, W) float32: 0 where unknown, less in the band along outlines, where a shifted map is wrong; more where a
    person verified the label.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * config.edge_px + 1,) * 2)
    weights = []
    for ids, known, sure in zip(batch.ids, batch.known, batch.sure, strict=True):
        inside = (ids > 0).astype(np.uint8)
        band = cv2.dilate(inside, kernel) != cv2.erode(inside, kernel)
        counted = np.where(known, np.where(band, config.edge_weight, 1.0), 0.0)
        weights.append(counted * np.where(sure, SURE_WEIGHT, 1.0))
    return np.stack(weights).astype(np.float32)


def believed(evidence: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(B, H, W) float32: 0 where the network is confidently against the label, 1 elsewhere.

    A footprint is taken for stale as a whole, by its mean evidence; ground pixel by pixel.

    Args:
        evidence: (B, H, W) probability of building.
        ids: (B, H, W) int32 numbers of footprints, 0 = none.
    """
    keep = np.ones(evidence.shape, np.float32)
    for one, numbers_at, out in zip(evidence, ids, keep, strict=True):
        numbers, compact = np.unique(numbers_at, return_inverse=True)
        compact = compact.reshape(numbers_at.shape)
        mean = np.bincount(compact.ravel(), one.ravel().astype(np.float64)) / np.bincount(compact.ravel())
        stale = (mean < STALE_FOOTPRINT) & (numbers > 0)
        out[stale[compact]] = 0
        out[(numbers_at == 0) & (one > MISSED_BUILDING)] = 0
    return keep


def evidence_loss(
    logits: Tensor, inside: Tensor, outline: Tensor, weight: Tensor, known: Tensor, boundary_weight: float
) -> Tensor:
    """Weighted cross-entropy and soft Jaccard of the interior, plus cross-entropy of the outline.

    Args:
        logits: (B, 2, H, W) interior and outline.
        inside, outline, weight, known: (B, H, W) float, targets in 0..1 and weights.
    """
    total = weight.sum().clamp(min=1.0)
    interior = (F.binary_cross_entropy_with_logits(logits[:, 0], inside, reduction="none") * weight).sum() / total
    p, target = torch.sigmoid(logits[:, 0]) * weight, inside * weight
    common = (p * inside).sum()
    overlap = 1 - (common + 1) / (p.sum() + target.sum() - common + 1)
    gain = logits.new_tensor(OUTLINE_GAIN)
    edge = F.binary_cross_entropy_with_logits(logits[:, 1], outline, reduction="none", pos_weight=gain)
    edge = (edge * known).sum() / known.sum().clamp(min=1.0)
    return interior + OVERLAP_WEIGHT * overlap + boundary_weight * edge
