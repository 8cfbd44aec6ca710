"""What the frozen towers make of held-out samples, once, and what any heads make of that."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from mlcore.landmarks.embedding import AHEAD
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import MODALITIES, Sample, SampleSource
from mlcore.landmarks.towers import BATCH, to_squares
from mlcore.pairs.prefetch import prefetched
from mlcore.progress import Progress, SilentProgress, stop_if_asked


@dataclass(eq=False)
class Described:
    """Samples, and vectors of what is known of them.

    Attributes:
        names, places, groups: of the samples, by number.
        gps: (N, 2) longitude and latitude in degrees, NaN where it is not known.
        texts: of the vectors of texts, in their order.
        vectors: (n, C) by modality: features of the towers, or unit vectors of the common space.
        owners: (n,) by modality: numbers of the samples.
    """

    names: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    gps: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    texts: list[str] = field(default_factory=list)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    owners: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def modalities(self) -> list[str]:
        return [name for name in MODALITIES if len(self.vectors.get(name, ()))]

    def only(self, kept: np.ndarray) -> Described:
        """The samples of which (N,) `kept` is True, with their old numbers as owners."""
        mine = {name: kept[owners] for name, owners in self.owners.items()}
        return replace(
            self,
            texts=[text for text, there in zip(self.texts, mine.get("text", ()), strict=True) if there],
            vectors={name: vectors[mine[name]] for name, vectors in self.vectors.items()},
            owners={name: owners[mine[name]] for name, owners in self.owners.items()},
        )


def tower_features(model: LandmarkModel, source: SampleSource, progress: Progress | None = None) -> Described:
    """What the frozen towers say of a source's samples; every picture is read once, positions stay degrees.

    Raises:
        StoppedError: asked to stop.
    """
    progress, made = progress or SilentProgress(), Described()
    found: dict[str, list[np.ndarray]] = {name: [] for name in MODALITIES}
    owners: dict[str, list[int]] = {name: [] for name in MODALITIES}
    gps: list[tuple[float, float]] = []

    def ready(number: int) -> tuple[Sample, dict[str, Tensor]]:
        sample = source.get(number)
        pictures = {name: getattr(sample, name) for name in ("aerial", "ground")}
        squares = {name: to_squares([rgb], model.config.image_px) for name, rgb in pictures.items() if rgb is not None}
        return sample, squares

    loaded = enumerate(prefetched(ready, range(len(source)), workers=1, ahead=AHEAD * BATCH))
    while some := list(islice(loaded, BATCH)):
        stop_if_asked(progress)
        for role in ("aerial", "ground"):
            mine = [(number, squares[role]) for number, (_, squares) in some if role in squares]
            if mine:
                batch = torch.cat([square for _, square in mine]).to(model.device)
                with torch.inference_mode():
                    found[role].append(model.image_tower.encode(batch).float().cpu().numpy())
                owners[role] += [number for number, _ in mine]
        for number, (sample, _) in some:
            made.names.append(sample.name)
            made.places.append(sample.place)
            made.groups.append(sample.group)
            gps.append(sample.gps or (np.nan, np.nan))
            made.texts += sample.texts
            owners["text"] += [number] * len(sample.texts)
        progress.report(len(made.names) / len(source), f"{len(made.names)} of {len(source)}")
    made.gps = np.array(gps, np.float64).reshape(-1, 2)
    owners["gps"] = np.flatnonzero(np.isfinite(made.gps[:, 0])).tolist()
    found["gps"] = [made.gps[owners["gps"]]]
    if made.texts:
        found["text"] = [model.text_features(made.texts).float().cpu().numpy()]
    for name in MODALITIES:
        made.owners[name] = np.array(owners[name], np.int64)
        made.vectors[name] = np.concatenate(found[name]) if found[name] else np.zeros((0, 1), np.float32)
    return made


@torch.inference_mode()
def through_heads(model: LandmarkModel, features: Described) -> Described:
    """Features of the towers -> the common space of a model with the same towers."""
    vectors: dict[str, np.ndarray] = {}
    for name, values in features.vectors.items():
        if not len(values):
            vectors[name] = np.zeros((0, model.dimension), np.float32)
        elif name == "gps":
            vectors[name] = model.embed_gps(values)
        else:
            made = model.heads[name](torch.from_numpy(np.asarray(values, np.float32)).to(model.device))
            vectors[name] = made.cpu().numpy().astype(np.float32)
    return replace(features, vectors=vectors)


def towers_alone(features: Described) -> Described:
    """The towers' own vectors at unit length: they compare pictures with pictures and texts with texts alone."""
    return replace(
        features,
        vectors={
            name: values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
            for name, values in features.vectors.items()
            if name != "gps"
        },
    )


def with_untrained_heads(model: LandmarkModel, seed: int = 0) -> LandmarkModel:
    """The same towers with heads and capsules as they are before any training."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fresh = LandmarkModel.__new__(LandmarkModel)
        fresh.__dict__ = {**model.__dict__, "_modules": dict(model._modules)}
        for part in ("heads", "gps_tower"):
            module = copy.deepcopy(model._modules[part])
            for inner in module.modules():
                if hasattr(inner, "reset_parameters"):
                    inner.reset_parameters()
            fresh._modules[part] = module
    return fresh.eval()
