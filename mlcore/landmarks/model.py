"""The model: four towers, four heads, one space of unit vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.digests import sha256_of
from mlcore.encoders.text import TextEncoder
from mlcore.encoders.weights import Origin
from mlcore.errors import CheckpointError, InvalidInputError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.floors import Floors
from mlcore.landmarks.geoclip import begin_with
from mlcore.landmarks.gps import GpsTower, equal_earth
from mlcore.landmarks.heads import TOLD, Head, Temperature
from mlcore.landmarks.looks import with_looks
from mlcore.landmarks.samples import MODALITIES, Modality
from mlcore.landmarks.towers import BATCH, ImageTower, build_image_tower, build_text_tower, to_squares
from mlcore.learning.checkpoints import content_digest, read_tensors, write_tensors

MODEL_KIND = "landmarks"
TEXT_BATCH, GPS_BATCH = 256, 4096
AERIAL, GROUND = "heads.aerial.", "heads.ground."
GROWING = {"known", "anchors"}
"""Buffers whose length depends on what was learnt."""


class LandmarkModel(nn.Module):
    """Aerial images, ground photos, texts and positions -> unit vectors whose cosine says how well they fit.

    The towers are frozen; those that ship with the model are a part of its file, others are named by the settings.
    """

    def __init__(
        self, config: LandmarkConfig | None = None, *, device: str = "cpu", stored: Mapping[str, Tensor] | None = None
    ) -> None:
        """
        Args:
            stored: tensors of a model's file, which are about to be loaded: its own towers need no other file then.

        Raises:
            ConfigError: there are no such towers.
            WeightsUnavailableError, CheckpointError: their weights can't be had or used.
        """
        super().__init__()
        self.config = config = config or LandmarkConfig()
        self.image_tower: ImageTower = build_image_tower(config, device, stored is not None)
        self.text_tower: TextEncoder = build_text_tower(config, device, stored)
        self.gps_tower = GpsTower(
            config.sigmas, config.fine_sigmas, fourier=config.fourier, width=config.capsule,
            layers=config.capsule_layers, dimension=config.dimension - TOLD * config.measures, reach_m=config.reach_m,
        )  # fmt: skip
        sizes = {"aerial": self.image_tower.dimension, "ground": self.image_tower.dimension,
                 "text": self.text_tower.dimension}  # fmt: skip
        self.heads = nn.ModuleDict(
            {
                name: Head(
                    size,
                    config.hidden,
                    config.dimension,
                    config.dropout,
                    novelty=config.novelty,
                    nonsense=config.nonsense,
                )
                for name, size in sizes.items()
            }
        )
        self.scale = Temperature(config.temperature)
        self.about: dict[str, Any] = {}
        if config.gps_weights and stored is None:
            self.about["positions_from"] = begin_with(self.gps_tower, config.gps_weights).to_dict()
        self._digest: str | None = None
        self.to(device).eval()

    @property
    def device(self) -> torch.device:
        return self.scale.log_scale.device

    @property
    def dimension(self) -> int:
        return self.config.dimension

    @property
    def digest(self) -> str:
        """SHA-256 of the file the model was saved to or read from; of its weights where there is none."""
        if self._digest is None:
            self._digest = content_digest(self.state_dict())
        return self._digest

    def part(self, modality: str) -> nn.Module:
        """What is trained for a modality: its head, or the tower of coordinates."""
        return self.gps_tower if modality == "gps" else self.heads[modality]

    @property
    def reads_ground_as_aerial(self) -> bool:
        """Whether both heads of pictures are the same: nothing was learnt of ground photos."""
        ground = self.heads["ground"].state_dict()
        return all(torch.equal(value, ground[name]) for name, value in self.heads["aerial"].state_dict().items())

    def make_room(self, tensors: Mapping[str, Tensor]) -> None:
        """Give what grows with the data the sizes of a file's tensors, so that they can be loaded."""
        for name, module in self.named_modules():
            for buffer in GROWING & set(dict(module.named_buffers(recurse=False))):
                stored = tensors.get(f"{name}.{buffer}")
                if stored is not None and stored.ndim == 2:
                    setattr(module, buffer, torch.zeros_like(stored, device=self.device))

    def check_towers(self, towers: Mapping[str, Mapping[str, str]]) -> None:
        """Take the origins of a file's towers; CheckpointError where one that it doesn't carry has other weights."""
        for name, tower in (("image", self.image_tower), ("text", self.text_tower)):
            origin = Origin(**towers.get(name, tower.origin.to_dict()))
            if isinstance(tower, nn.Module):
                tower.origin = origin
            elif origin.sha256 != tower.origin.sha256:
                raise CheckpointError(
                    f"these heads were trained on {origin}, here is {tower.origin}: configure the same tower"
                )

    @property
    def floors(self) -> Floors:
        """Below which likeness a query means nothing."""
        return Floors.from_dict(self.about.get("floors", {}))

    def newness(self, vectors: np.ndarray) -> np.ndarray:
        """(N,) what (N, D) vectors of pictures or texts say of how new they are; 0 where that is not measured."""
        return vectors[:, -TOLD] if self.config.measures else np.zeros(len(vectors), np.float32)

    def learnt_part(self, vectors: np.ndarray) -> np.ndarray:
        """(N, D) vectors without the coordinates that are measured, where there are such."""
        return vectors[:, :-TOLD] if self.config.measures else vectors

    def embed(self, modality: Modality, items: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Items of any modality -> (N, D) float32 unit vectors; see the function of each.

        Raises:
            InvalidInputError: no such modality.
        """
        if modality in ("aerial", "ground"):
            return self.embed_images(list(items), role=modality)
        if modality == "text":
            return self.embed_texts(list(items))
        if modality == "gps":
            return self.embed_gps(np.asarray(items, np.float64).reshape(-1, 2))
        raise InvalidInputError(f"no modality {modality!r}: choose from {', '.join(MODALITIES)}")

    @torch.inference_mode()
    def embed_images(self, pictures: Sequence[np.ndarray], role: Literal["aerial", "ground"] = "aerial") -> np.ndarray:
        """(H, W, 3) uint8 pictures of any sizes -> (N, D) float32 unit vectors.

        Raises:
            InvalidInputError: not such pictures.
        """
        return self._joined(
            (self.heads[role](self.image_features(pictures[start : start + BATCH])) for start in
             range(0, len(pictures), BATCH)),
        )  # fmt: skip

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts -> (N, D) float32 unit vectors.

        Raises:
            InvalidInputError: a text without a word.
        """
        return self._joined(
            self.heads["text"](self.text_features(texts[start : start + TEXT_BATCH]))
            for start in range(0, len(texts), TEXT_BATCH)
        )

    @torch.inference_mode()
    def embed_gps(self, lonlat: np.ndarray) -> np.ndarray:
        """(N, 2) longitude and latitude in degrees, WGS 84 -> (N, D) float32 unit vectors.

        Raises:
            InvalidInputError: not such positions.
        """
        projected = equal_earth(lonlat)
        return self._joined(
            self._whole(self.position_vectors(torch.from_numpy(projected[start : start + GPS_BATCH])))
            for start in range(0, len(projected), GPS_BATCH)
        )

    @torch.inference_mode()
    def image_features(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """What the frozen image tower makes of pictures: (N, C) on the model's device."""
        return self.image_tower.encode(to_squares(pictures, self.config.image_px, self.device)).float()

    @torch.inference_mode()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        """What the frozen text tower makes of texts and of the looks they name: (N, C) on the model's device."""
        if not len(texts):
            return torch.zeros(0, self.text_tower.dimension, device=self.device)
        return with_looks(list(texts), self.text_tower.encode, self.config.looks).to(self.device)

    def position_vectors(self, projected: Tensor) -> Tensor:
        """(N, 2) float64 of `equal_earth` -> (N, D'), the learnt part, of unit length: what training sees."""
        return F.normalize(self.gps_tower(projected.to(self.device)), dim=1)

    def _whole(self, learnt: Tensor) -> Tensor:
        """With the coordinates that are measured of pictures and texts, of which positions know nothing."""
        return F.pad(learnt, (0, self.dimension - learnt.shape[1]))

    def _joined(self, parts: Any) -> np.ndarray:
        vectors = [part.cpu().numpy().astype(np.float32) for part in parts]
        return np.concatenate(vectors) if vectors else np.zeros((0, self.dimension), np.float32)

    def save(self, path: Path, about: Mapping[str, object] | None = None) -> str:
        """Write weights and settings to one safetensors file in half precision; returns its SHA-256.

        Args:
            about: what else is to be known of it, beside `self.about`.
        """
        halved = {name for name, value in self.named_parameters() if value.dtype == torch.float32}
        tensors = {name: value.half() if name in halved else value for name, value in self.state_dict().items()}
        if self.reads_ground_as_aerial:
            tensors = {name: value for name, value in tensors.items() if not name.startswith(GROUND)}
        self.about = {**self.about, **(about or {})}
        towers = {"image": self.image_tower.origin.to_dict(), "text": self.text_tower.origin.to_dict()}
        meta = {**self.about, "kind": MODEL_KIND, "config": self._portable(), "towers": towers}
        self._digest = write_tensors(path, tensors, meta)
        return self._digest

    def _portable(self) -> dict[str, Any]:
        """The settings, without the files that towers came from which are now a part of this one."""
        own = {"image_weights": self.config.image.startswith("timm/"), "text_weights": self.config.text == "static",
               "gps_weights": True}  # fmt: skip
        return {name: "" if own.get(name) else value for name, value in self.config.to_dict().items()}

    @classmethod
    def load(cls, path: Path, sha256: str | None = None, *, device: str = "cpu") -> LandmarkModel:
        """Read what `save` wrote, in eval mode; CheckpointError where the file is damaged or another than asked for."""
        tensors, meta = read_tensors(path, sha256=sha256)
        if meta.get("kind") != MODEL_KIND:
            raise CheckpointError(f"{path} holds a {meta.get('kind')!r} model, none of landmarks: choose another file")
        tensors = {name: value.float() if value.dtype == torch.float16 else value for name, value in tensors.items()}
        if not any(name.startswith(GROUND) for name in tensors):  # it is the aerial head, kept once
            tensors |= {
                name.replace(AERIAL, GROUND): tensors[name] for name in list(tensors) if name.startswith(AERIAL)
            }
        settings = {"looks": 0.0, **meta["config"]}  # files that know nothing of looks were trained without them
        model = cls(LandmarkConfig.from_dict(settings), device=device, stored=tensors)
        model.make_room(tensors)
        try:
            model.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(f"{path} does not fit the settings it names: {error}") from error
        model.check_towers(meta.get("towers", {}))
        model.about = {name: value for name, value in meta.items() if name not in ("kind", "config", "towers")}
        model._digest = sha256 or sha256_of(Path(path))
        return model.eval()
