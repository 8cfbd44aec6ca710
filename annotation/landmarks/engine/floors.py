"""Below which likeness queries of a trained model mean nothing: measured on tiles that it never learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mlcore.evaluation.landmarks.features import Described
    from mlcore.landmarks.model import LandmarkModel
    from mlcore.landmarks.nonsense import Part

LEAST = 20
"""Fewer queries than this that mean something tell no floor."""
MOST = 2000
"""Queries of a kind that are asked; of more, these are spread over all."""
NOTHINGS = 60
FAR_DEG = 1.0
"""A position this far from every tile in latitude or longitude is elsewhere."""
AT_ONCE = 256
Payload = dict[str, Any]


def floors_after(
    model: LandmarkModel, learnt: Described, held_out: Described
) -> tuple[dict[str, float], dict[str, Payload]]:
    """Floors of a model that was just trained.

    A floor is chosen between held-out queries and such that mean nothing (one half of the nonsense, pictures of
    nothing, positions elsewhere), each by its best find among all tiles; what it refuses is told on the other half.
    What was not taught, or has fewer than LEAST held-out queries, keeps the floor that the training began with.

    Args:
        learnt, held_out: in the model's space.

    Returns:
        Floors by modality; and of each modality how many `held_out` queries there were, whether it was `taught`,
        its `floor` (None: none, every query means something), and, where it was measured, the shares `kept` and
        `refused`.
    """
    gallery = np.concatenate([described.vectors["aerial"] for described in (learnt, held_out)])
    at = np.concatenate([described.gps for described in (learnt, held_out)])
    floors = model.floors.to_dict()
    told: dict[str, Payload] = {}
    for name in ("text", "aerial", "ground", "gps"):
        asked = held_out.vectors[name]
        taught = name in model.config.learn and bool(len(learnt.vectors[name]))
        told[name] = {"held_out": len(asked), "taught": taught}
        if taught and len(asked) >= LEAST and len(gallery) > 1:
            floors[name], shares = _measured(model, name, asked, len(learnt.vectors["aerial"]), gallery, at)
            told[name] |= shares
        told[name]["floor"] = floors.get(name)
    return floors, told


def _measured(
    model: LandmarkModel, name: str, asked: np.ndarray, before: int, gallery: np.ndarray, at: np.ndarray
) -> tuple[float, dict[str, float]]:
    """The floor of a modality with what it keeps and refuses; `before`: tiles of the gallery before those held out."""
    from mlcore.landmarks.floors import floor_between

    some = np.unique(np.linspace(0, len(asked) - 1, min(MOST, len(asked))).round().astype(int))
    meant = _best(asked[some], gallery, before + some if name == "aerial" else None)
    floor, kept, _ = floor_between(meant, _best(_nothing(model, name, "learn", at), gallery))
    refused = _best(_nothing(model, name, "report", at), gallery) < floor
    return floor, {"kept": round(kept, 3), "refused": round(float(refused.mean()), 3)}


def _nothing(model: LandmarkModel, name: str, part: Part, at: np.ndarray) -> np.ndarray:
    """(N, D) vectors of queries that mean nothing here; the two parts are others."""
    from mlcore.landmarks.calibration import pictures_of_nothing
    from mlcore.landmarks.nonsense import read_nonsense

    seed = 0 if part == "learn" else 1
    if name == "text":
        return model.embed_texts(read_nonsense(part))
    if name == "gps":
        return model.embed_gps(elsewhere(at, NOTHINGS, seed))
    return model.embed_images(pictures_of_nothing(NOTHINGS, seed), role="aerial" if name == "aerial" else "ground")


def elsewhere(at: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(count, 2) longitudes and latitudes, spread evenly over Earth, none of them near one of (N, 2) `at`."""
    rng = np.random.default_rng(seed)
    found = np.zeros((0, 2))
    while len(found) < count:
        places = np.stack([rng.uniform(-180, 180, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))], axis=1)
        apart = np.abs(places[:, None] - at[None])
        apart[..., 0] = np.minimum(apart[..., 0], 360 - apart[..., 0])
        found = np.concatenate([found, places[~(apart < FAR_DEG).all(axis=2).any(axis=1)]])
    return found[:count]


def _best(asked: np.ndarray, gallery: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
    """(N,) likeness of the best find of each query, which is not its `own` one of the gallery."""
    best = []
    for start in range(0, len(asked), AT_ONCE):
        likeness = asked[start : start + AT_ONCE] @ gallery.T
        if own is not None:
            likeness[np.arange(len(likeness)), own[start : start + AT_ONCE]] = -1.0
        best.append(likeness.max(axis=1))
    return np.concatenate(best)
