"""CLIP's image tower from open_clip, frozen: what a picture shows, in the space of the text tower."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.encoders.activation import activation_of_config, activation_of_file, asked_for
from mlcore.encoders.open_clip_text import _config, _create, _folder, _in_form_of, _where
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.encoders.weights import Origin, load_into, read_weights
from mlcore.errors import InvalidInputError


class OpenClipImageEncoder:
    """Pictures -> unit vectors of CLIP's image tower; it is never trained."""

    def __init__(self, architecture: str, weights: str, *, activation: str = "", device: str = "cpu") -> None:
        """Build the tower and fill it; arguments and errors as of `OpenClipTextEncoder`."""
        ensure_torchvision()
        folder = _folder(architecture)
        reference, source, published = _where(architecture, folder, weights)
        tensors, digest = read_weights(reference) if reference else ({}, "")
        trained = asked_for(activation) or published or activation_of_config(_config(architecture, folder))
        if trained is None and reference:
            trained = activation_of_file(tensors, digest, file=source, architecture=architecture)
        model: Any = _create(architecture, folder, trained, image=True)
        if reference:
            load_into(model, _in_form_of(model, tensors), ignore=(), what=architecture)
        self.origin = Origin(architecture.rpartition("/")[2], source, digest, str(trained) if reference else "")
        self._model = model.requires_grad_(False).eval().to(device)
        size = model.visual.image_size
        self.size_px = int(size if isinstance(size, int) else size[0])
        self.dimension = int(_config(architecture, folder)["embed_dim"])
        cleaning = getattr(model.visual, "preprocess_cfg", {})
        mean, std = (
            cleaning.get(name, fallback)
            for name, fallback in (
                ("mean", (0.48145466, 0.4578275, 0.40821073)), ("std", (0.26862954, 0.26130258, 0.27577711)),
            )
        )  # fmt: skip
        self._mean, self._std = (torch.tensor(each, device=device).reshape(1, 3, 1, 1) for each in (mean, std))

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in 0..1 -> (B, dimension) float32 of unit length."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise InvalidInputError(f"images must be (B, 3, H, W), not {tuple(images.shape)}")
        size = (self.size_px, self.size_px)
        images = F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
        vectors: Tensor = self._model.encode_image((images - self._mean) / self._std, normalize=True)
        return vectors.float()
