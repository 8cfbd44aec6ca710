"""What one training step of each U-CSA stage computes: the anchored contrast and the adversarial matching.

Encoding and losses are apart: the losses need the features of the whole batch (its other pairs are the negatives), the
encoders may see it in parts, and in several processes (`mlcore.consistency.steps`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.anchors.schema import Anchor, anchor_text
from mlcore.consistency import losses
from mlcore.consistency.batches import Batch, changed_cells
from mlcore.consistency.model import CELL_DIMENSION, ConsistencyModel, Match
from mlcore.consistency.score import tile_score
from mlcore.encoders.features import ImageFeatures
from mlcore.encoders.text import HashedTextEncoder, TextEncoder
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress

CELL_TEXTS = ("building_cover=none", "building_cover=edge", "building_cover=mostly", "building_cover=full")
CELL_LIMITS = (0.04, 0.5, 0.9)


@dataclass(frozen=True)
class Seen:
    """What the encoders see in a batch.

    Attributes:
        image, map: features of the pairs.
        edited: of the edited maps; None where they are no negatives.
    """

    image: ImageFeatures
    map: ImageFeatures
    edited: ImageFeatures | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """Embedding and cells of each, in a fixed order."""
        parts = (self.image, self.map) if self.edited is None else (self.image, self.map, self.edited)
        return tuple(tensor for part in parts for tensor in (part.embedding, part.cells))

    @classmethod
    def from_tensors(cls, tensors: Sequence[Tensor]) -> Seen:
        """The reverse of `tensors`."""
        return cls(*(ImageFeatures(*tensors[start : start + 2]) for start in range(0, len(tensors), 2)))


Encode = Callable[[Tensor], ImageFeatures]


def anchor_vectors(tiles: Sequence[TileAddress], anchors: Mapping[TileAddress, Anchor], encoder: TextEncoder) -> Tensor:
    """(len(tiles), D) unit vectors of the tiles' anchors, from the frozen text encoder.

    Raises:
        InvalidInputError: a tile has no anchor.
    """
    missing = [tile for tile in tiles if tile not in anchors]
    if missing:
        tile = missing[0]
        raise InvalidInputError(f"{len(missing)} tiles have no anchor, {tile.z}/{tile.x}/{tile.y} first: generate them")
    return encoder.encode([anchor_text(anchors[tile]) for tile in tiles])


def cell_vectors() -> Tensor:
    """(4, CELL_DIMENSION) unit vectors of the local anchors' texts."""
    return HashedTextEncoder(CELL_DIMENSION).encode(CELL_TEXTS)


def encode_pairs(batch: Batch, image: Encode, map_: Encode, *, edited: bool = False) -> Seen:
    """What the encoders see of a batch; with `edited`, of its edited maps too."""
    return Seen(image(batch.images), map_(batch.maps), map_(batch.edited) if edited else None)


def contrastive_losses(
    model: ConsistencyModel, seen: Seen, batch: Batch, texts: Tensor, cell_texts: Tensor
) -> dict[str, Tensor]:
    """Losses of stage 1 (U-CSA Eq. 1-3, and ours for the cells); "total" is to be minimised.

    Args:
        seen: from `encode_pairs`.
        texts: (B, D) anchors of the batch's tiles; of no consequence where `config.tile_anchors` is false.
        cell_texts: (4, CELL_DIMENSION) from `cell_vectors`.
    """
    image, map_ = seen.image, seen.map
    if model.config.tile_anchors:
        ignore = losses.identical_anchors(texts) if model.config.mask_identical else None
        image_text = losses.symmetric_contrast(losses.similarity(image.embedding, texts, model.temperature), ignore)
        map_text = losses.symmetric_contrast(losses.similarity(map_.embedding, texts, model.temperature), ignore)
        figures = {"image_text": image_text, "map_text": map_text, "contrastive_loss": (image_text + map_text) / 2}
    else:
        direct = losses.similarity(image.embedding, map_.embedding, model.temperature)
        figures = {"contrastive_loss": losses.symmetric_contrast(direct, _same_tile(batch.index))}
    figures["total"] = figures["contrastive_loss"]
    if model.config.anchors in ("both", "cells"):
        target = _cell_target(batch, image.cells.shape[-1])
        image_cells = losses.cell_contrast(model.image_cell_text(image.cells), cell_texts, target, 0.1)
        map_cells = losses.cell_contrast(model.map_cell_text(map_.cells), cell_texts, target, 0.1)
        figures["image_cells"], figures["cell_loss"] = image_cells, (image_cells + map_cells) / 2
        figures["total"] = figures["contrastive_loss"] * 0.2 + figures["cell_loss"]
    return figures


def matching_losses(model: ConsistencyModel, seen: Seen, batch: Batch, offset: int) -> dict[str, Tensor]:
    """Losses of stage 2 (U-CSA Eq. 4-7); "total" is to be minimised.

    Args:
        seen: from `encode_pairs`, with the edited maps where they are negatives.
        offset: 1..B-1; pair i is mismatched with the map of pair i + offset.
    """
    image, own = seen.image, seen.map
    other = ImageFeatures(own.embedding.roll(-offset, 0), own.cells.roll(-offset, 0))
    matched = model.match(image, own)
    stride = batch.masks.shape[-1] // image.cells.shape[-1]
    rivals = [
        (model.match(image, other), _labels(batch, batch.masks.roll(-offset, 0), stride, model, index_offset=offset))
    ]
    if seen.edited is not None:
        rivals.append((model.match(image, seen.edited), _labels(batch, batch.edited_masks, stride, model)))
    agree = _labels(batch, batch.masks, stride, model) > 0
    disc = torch.stack([_rival_loss(model, matched, agree, rival, label) for rival, label in rivals]).mean()
    proto = losses.prototype_loss(matched.proto[agree] if bool(agree.any()) else matched.proto)
    total = losses.total_loss(disc, proto, model.config.prototype_weight)
    return {"discriminator_loss": disc, "prototype_loss": proto, "total": total}


def _rival_loss(model: ConsistencyModel, matched: Match, agree: Tensor, rival: Match, label: Tensor) -> Tensor:
    """Eq. 5 over the cells and, where the model is spatial, over the tiles' scores too."""
    cells = losses.discriminator_loss(matched.disc[agree], rival.disc[label < 0])
    if not model.config.spatial:
        return cells
    still = losses.discriminator_loss(rival.disc[label > 0], rival.disc[:0])
    seen = agree.flatten(1).any(dim=1)
    differs = (label < 0).flatten(1).any(dim=1) & seen
    share = model.config.worst_share
    tiles = losses.discriminator_loss(
        tile_score(matched.disc, share, agree)[seen], tile_score(rival.disc, share, label != 0)[differs]
    )
    return cells + 0.5 * still + 0.5 * tiles


def _labels(batch: Batch, masks: Tensor, stride: int, model: ConsistencyModel, index_offset: int = 0) -> Tensor:
    """(B, h, w) as `changed_cells`; (B, 1, 1) for a model that isn't spatial."""
    labels = changed_cells(batch.masks, masks, batch.valid, stride)
    if index_offset:
        same = batch.index == batch.index.roll(-index_offset)
        labels = labels * ~same[:, None, None]
    if model.config.spatial:
        return labels
    differs = (labels < 0).flatten(1).any(dim=1)
    seen = (labels != 0).flatten(1).any(dim=1)
    return torch.where(differs, -1.0, 1.0)[:, None, None] * seen[:, None, None]


def _cell_target(batch: Batch, grid: int) -> Tensor:
    """(B, h, w) which of CELL_TEXTS tells each cell; -1 where the image has no data."""
    stride = batch.masks.shape[-1] // grid
    pool = torch.nn.functional.avg_pool2d
    cover = pool(batch.masks[:, None], stride)[:, 0].contiguous()
    target = torch.bucketize(cover, torch.tensor(CELL_LIMITS, device=cover.device))
    return target.masked_fill(pool(batch.valid[:, None], stride)[:, 0] < 0.99, -1)


def _same_tile(index: Tensor) -> Tensor:
    return index[:, None] == index[None, :]
