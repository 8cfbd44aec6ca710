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
        known = _as_tensor(valid[start : start + step], model.device)
        rows, columns = (int(known.any(dim=0).any(dim=dim).sum()) for dim in (1, 0))
        if not rows * columns:
            continue
        part = slice(start, start + step), slice(0, rows), slice(0, columns)
        cells, known = _as_tensor(tokens[part], model.device).float(), known[:, :rows, :columns]
        scores[part[0]] = _scores(model, query, cells, known).cpu().numpy()
    return scores


def _scores(model: LocatorModel, query: PictureFeatures, cells: Tensor, known: Tensor) -> Tensor:
    """(n,) E of n bases (n, h, w, C) at the best of the query's scales."""
    config, base_shape = model.config, (cells.shape[1], cells.shape[2])
    if not config.mknn or config.retrieval_neighbours:
        each = []
        for view in query.scales:
            forth, back = _probabilities(model, view, cells.flatten(1, 2), known.flatten(1))
            shapes = (view.coarse.shape[0], view.coarse.shape[1]), base_shape
            chosen = _chosen(config, forth, back, shapes, config.retrieval_neighbours)
            each.append(_total(_most(chosen, forth, back, config), shapes, config))
    else:
        tables = _tables(model, query, cells.flatten(1, 2), known.flatten(1))
        each = [
            _total(_mutual(table, index, model), ((view.coarse.shape[0], view.coarse.shape[1]), base_shape), config)
            for view, (table, index) in zip(query.scales, tables, strict=True)
        ]
    return torch.stack(each).amax(dim=0)


def _total(
    found: tuple[Tensor, Tensor, Tensor, Tensor], shapes: tuple[tuple[int, int], tuple[int, int]],
    config: GeolocationConfig,
) -> Tensor:  # fmt: skip
    """(n,) E of matches: their confidences, or where nothing is verified their number."""
    query_index, base_index, both, here = found
    if not config.verification:
        return here.sum(dim=1).float()
    return confidence_of(*_cells(shapes, (query_index, base_index), both), both, here, config).sum(dim=1)


def _tables(
    model: LocatorModel, query: PictureFeatures, cells: Tensor, known: Tensor
) -> list[tuple[Tensor, Tensor]]:  # fmt: skip
    """For each scale exp(S) up to one factor, (n, N, m), and (m,) which of the query's tokens these are.

    One matrix product serves all scales, and one exponential both directions of Eq. 5-6: unit tokens are never more
    alike than the scale of Eq. 4, so that nothing overflows.
    """
    indices = [_as_tensor(view.valid, model.device).flatten().nonzero()[:, 0] for view in query.scales]
    own = torch.cat([
        _as_tensor(view.coarse, model.device).float().flatten(0, 1)[index]
        for view, index in zip(query.scales, indices, strict=True)
    ])  # fmt: skip
    scale = model.token_scale.exp()
    table = (cells.reshape(-1, cells.shape[2]) @ (own * scale).T).reshape(*cells.shape[:2], -1)
    table = table.sub_(scale).exp_()
    if not bool(known.all()):
        table = table.mul_(known[:, :, None])
    return list(zip(table.split([len(index) for index in indices], dim=2), indices, strict=True))


def _mutual(table: Tensor, index: Tensor, model: LocatorModel) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The most probable mutual nearest neighbours: Eq. 5-8 with k = 0, from `_tables`.

    Returns:
        (n, K) indices of the query's and of the base's tokens, P_AB + P_BA, and bool which matches there are.
    """
    config = model.config
    alone = 0.0 if model.alone is None else (model.alone - model.token_scale.exp()).exp()
    if not len(index):
        nothing = torch.zeros(len(table), 0, device=table.device)
        return nothing.long(), nothing.long(), nothing, nothing.bool()
    best, base_index = table.max(dim=1)
    forth = best / (table.sum(dim=1) + alone).clamp(min=1e-30)
    back = best / (table.sum(dim=2) + alone).clamp(min=1e-30).gather(1, base_index)
    here = (best >= table.amax(dim=2).gather(1, base_index)) & (best > 0)
    here &= (forth >= config.threshold) & (back >= config.threshold)
    both = forth + back
    top = (both * here).topk(min(config.verified_matches, len(index)), dim=1).indices
    return index[top], base_index.gather(1, top), both.gather(1, top), here.gather(1, top)


def _probabilities(model: LocatorModel, view: PictureFeatures, cells: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """P_AB and P_BA, (n, M, N) each."""
    own = _as_tensor(view.coarse, model.device).float().flatten(0, 1)
    own_known = _as_tensor(view.valid, model.device).flatten()
    table = similarity(own, cells, model.token_scale.exp())
    return dual_softmax(table, own_known.expand(len(cells), -1), known, model.alone)


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
    """lambda beta_n + (1 - lambda) alpha_n of (B, K, 2) matches in any unit: E_n of matches that are sure."""
    return confidence_of(query_xy, base_xy, torch.ones_like(query_xy[..., 0]), known, config)


def confidence_of(
    query_xy: Tensor, base_xy: Tensor, both: Tensor, known: Tensor, config: GeolocationConfig
) -> Tensor:  # fmt: skip
    """E_n of Eq. 9-11, (B, K), zero where there is no match.

    Args:
        query_xy, base_xy: (B, K, 2) in any unit; both: (B, K) P_AB + P_BA; known: (B, K) bool.
    """
    spread = verification.distance_spread(query_xy, base_xy, known)
    turn = verification.angle_difference(query_xy, base_xy, known, config.angle_neighbours)
    alpha = verification.distance_compatibility(spread, config.truncation, config.distance_limit)
    beta = verification.angle_compatibility(turn, config.truncation, math.radians(config.angle_limit_deg))
    return verification.confidences(alpha, beta, both, config.angle_share) * known


def _compared(model: LocatorModel, view: PictureFeatures, base: PictureFeatures) -> CoarseMatches:
    config = model.config
    cells, known = (_as_tensor(each, model.device)[None] for each in (base.coarse, base.valid))
    shapes = (view.coarse.shape[0], view.coarse.shape[1]), (cells.shape[1], cells.shape[2])
    forth, back = _probabilities(model, view, cells.float().flatten(1, 2), known.flatten(1))
    chosen = _chosen(config, forth, back, shapes, config.matching_neighbours)
    query_index, base_index, both, here = _most(chosen, forth, back, config)
    if config.verification:
        both = confidence_of(*_cells(shapes, (query_index, base_index), both), both, here, config)
    confidence = both[0][here[0]]
    query_xy = view.centres()[query_index[0][here[0]].cpu().numpy()]
    base_xy = base.centres()[base_index[0][here[0]].cpu().numpy()]
    score = float(confidence.sum()) if config.verification else float(here.sum())
    cell = CELL_PX / view.scale, CELL_PX / base.scale
    return CoarseMatches(query_xy, base_xy, confidence.cpu().numpy(), score, cell)


def _cells(
    shapes: tuple[tuple[int, int], tuple[int, int]], indices: tuple[Tensor, Tensor], like: Tensor
) -> tuple[Tensor, Tensor]:
    """Places of tokens in steps of their grids: shift and scale don't matter to verification."""
    query, base = (cell_centres(shape).to(like)[index] for shape, index in zip(shapes, indices, strict=True))
    return query, base


def _as_tensor(values: np.ndarray | Tensor, device: torch.device) -> Tensor:
    return (values if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))).to(device)
