"""A query against one base, or against all of them in a few matrix products (TopicGeo Eq. 4-11 together)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mlcore.errors import InvalidInputError
from mlcore.geolocation import verification
from mlcore.geolocation.coarse import (
    CoarseMatches,
    cell_centres,
    dual_softmax,
    mutual_neighbours,
    row_matches,
    similarity,
)
from mlcore.geolocation.config import CELL_PX, GeolocationConfig
from mlcore.geolocation.features import PictureFeatures

if TYPE_CHECKING:
    from mlcore.geolocation.model import LocatorModel

CHUNK_CELLS = 8192
"""Tokens of bases that are compared at once: their table stays in the processor's cache."""


@torch.inference_mode()
def compare(model: LocatorModel, query: PictureFeatures, base: PictureFeatures) -> CoarseMatches:
    """The matches of the scale of the query whose confidences sum to the most."""
    found = [_compared(model, view, base) for view in query.scales]
    return max(found, key=lambda one: one.score)


@torch.inference_mode()
def compare_many(
    model: LocatorModel, query: PictureFeatures, tokens: np.ndarray | Tensor, valid: np.ndarray | Tensor
) -> np.ndarray:
    """(N,) float32, E of each base at the query's best scale."""
    if len(tokens) != len(valid) or tuple(tokens.shape[:3]) != tuple(valid.shape) or tokens.ndim != 4:
        raise InvalidInputError("bases are tokens (N, h, w, C) and valid (N, h, w): both of the same N, h and w")
    step = max(1, CHUNK_CELLS // max(1, tokens.shape[1] * tokens.shape[2]))
    scores = np.zeros(len(tokens), np.float32)
    for start in range(0, len(tokens), step):
        part = slice(start, start + step)
        cells, known = _as_tensor(tokens[part], model.device).float(), _as_tensor(valid[part], model.device)
        each = [_scores(model, view, cells, known) for view in query.scales]
        scores[part] = torch.stack(each).amax(dim=0).cpu().numpy()
    return scores


def _scores(model: LocatorModel, view: PictureFeatures, cells: Tensor, known: Tensor) -> Tensor:
    """(n,) E of n bases (n, h, w, C), by mutual nearest neighbours (or MKNN) and verification."""
    config = model.config
    shapes = (view.coarse.shape[0], view.coarse.shape[1]), (cells.shape[1], cells.shape[2])
    forth, back = _probabilities(model, view, cells.flatten(1, 2), known.flatten(1))
    if config.retrieval_neighbours == 0 or not config.mknn:
        query_index, base_index, both, here = _mutual(forth, back, config)
    else:
        query_index, base_index, both, here = _most(_chosen(config, forth, back, shapes, config.retrieval_neighbours),
                                                    forth, back, config)  # fmt: skip
    if not config.verification:
        return here.sum(dim=1).float()
    query_xy, base_xy = (
        cell_centres(shape).to(forth)[index] for shape, index in zip(shapes, (query_index, base_index), strict=True)
    )
    return (coherence(query_xy, base_xy, here, config) * both * here).sum(dim=1)


def _probabilities(model: LocatorModel, view: PictureFeatures, cells: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """P_AB and P_BA, (n, M, N) each."""
    own = _as_tensor(view.coarse, model.device).float().flatten(0, 1)
    own_known = _as_tensor(view.valid, model.device).flatten()
    table = similarity(own, cells, model.token_scale.exp())
    return dual_softmax(table, own_known.expand(len(cells), -1), known, model.alone)


def _mutual(forth: Tensor, back: Tensor, config: GeolocationConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The most probable mutual nearest neighbours: MKNN with k = 0, without making its table."""
    sure, base_index = forth.max(dim=2)
    back_sure, answer = back.max(dim=1)
    own = torch.arange(forth.shape[1], device=forth.device)
    mutual = (answer.gather(1, base_index) == own) & (sure >= config.threshold)
    mutual &= (back_sure.gather(1, base_index) >= config.threshold) & (sure > 0)
    if not config.mknn:
        mutual = (sure >= config.threshold) & (sure > 0)
    both = sure + back.gather(2, base_index[..., None])[..., 0]
    count = min(config.verified_matches, forth.shape[1])
    order = (both * mutual).topk(count, dim=1).indices
    return order, base_index.gather(1, order), both.gather(1, order), mutual.gather(1, order)


def _most(
    chosen: Tensor, forth: Tensor, back: Tensor, config: GeolocationConfig
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The most probable of the chosen matches: indices of both sides, P_AB + P_BA, and which there are."""
    both = ((forth + back) * chosen).flatten(1)
    top = both.topk(min(config.verified_matches, both.shape[1]), dim=1)
    columns = forth.shape[2]
    return top.indices // columns, top.indices % columns, top.values, chosen.flatten(1).gather(1, top.indices)


def _chosen(
    config: GeolocationConfig, forth: Tensor, back: Tensor,
    shapes: tuple[tuple[int, int], tuple[int, int]], neighbours: int,
) -> Tensor:  # fmt: skip
    """(n, M, N) bool M_c."""
    ahead = row_matches(forth, config.threshold)
    behind = row_matches(back.transpose(1, 2), config.threshold).transpose(1, 2)
    return mutual_neighbours(ahead, behind, *shapes, neighbours) if config.mknn else ahead | behind


def coherence(query_xy: Tensor, base_xy: Tensor, known: Tensor, config: GeolocationConfig) -> Tensor:
    """lambda beta_n + (1 - lambda) alpha_n of (B, K, 2) matches in any unit."""
    limit = math.radians(config.angle_limit_deg)
    alpha = verification.distance_compatibility(
        verification.distance_spread(query_xy, base_xy, known), config.truncation, config.distance_limit
    )
    beta = verification.angle_compatibility(
        verification.angle_difference(query_xy, base_xy, known, config.angle_neighbours), config.truncation, limit
    )
    return config.angle_share * beta + (1 - config.angle_share) * alpha


def _compared(model: LocatorModel, view: PictureFeatures, base: PictureFeatures) -> CoarseMatches:
    config = model.config
    cells, known = (_as_tensor(each, model.device)[None] for each in (base.coarse, base.valid))
    shapes = (view.coarse.shape[0], view.coarse.shape[1]), (cells.shape[1], cells.shape[2])
    forth, back = _probabilities(model, view, cells.float().flatten(1, 2), known.flatten(1))
    chosen = _chosen(config, forth, back, shapes, config.matching_neighbours)
    query_index, base_index, both, here = _most(chosen, forth, back, config)
    grids = [cell_centres(shape).to(forth) for shape in shapes]
    query_cells, base_cells = grids[0][query_index], grids[1][base_index]
    weight = coherence(query_cells, base_cells, here, config) if config.verification else torch.ones_like(both)
    confidence = (weight * both)[0][here[0]]
    query_xy = query_cells[0][here[0]].double().cpu().numpy() * (CELL_PX / view.scale) + np.array(view.origin_xy)
    base_xy = base_cells[0][here[0]].double().cpu().numpy() * (CELL_PX / base.scale) + np.array(base.origin_xy)
    score = float(confidence.sum()) if config.verification else float(here.sum())
    cell = CELL_PX / view.scale, CELL_PX / base.scale
    return CoarseMatches(query_xy, base_xy, confidence.cpu().numpy(), score, cell)


def _as_tensor(values: np.ndarray | Tensor, device: torch.device) -> Tensor:
    return (values if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))).to(device)
