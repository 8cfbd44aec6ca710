"""MMLandmarks' own protocol: queries of its query split, galleries with its index behind them, and what the paper
reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mlcore.evaluation.landmarks.directions import direction
from mlcore.evaluation.landmarks.features import Described
from mlcore.landmarks.embedding import embed_items
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.readers.items import Items
from mlcore.landmarks.readers.published import PublishedLandmarks, published_gallery
from mlcore.landmarks.samples import MODALITIES, Modality
from mlcore.progress import Progress, SilentProgress

PAPER = {
    "ground_to_aerial": {"map1k": 0.262}, "aerial_to_ground": {"map1k": 0.188}, "text_to_aerial": {"r1": 0.134},
    "aerial_to_gps": {"within_1_km": 0.369, "within_200_km": 0.811},
}  # fmt: skip
"""What is reported for the published sizes, trained on the whole set; the model that was released reaches 0.249 of
ground_to_aerial map1k, and 0.264 of aerial_to_gps within 1 km."""


def run_published(
    model: LandmarkModel, folder: Path, *, index: bool = True, seed: int = 0, progress: Progress | None = None
) -> dict[str, Any]:
    """Every direction between ground photos, latest aerial images, texts without names of places, and positions.

    Args:
        folder: that holds `query`, and `index` where galleries are to have it behind them.

    Raises:
        InvalidInputError: a list is missing or damaged.
    """
    progress = progress or SilentProgress()
    plain = (folder / "query" / "mml_query_text_sentences.csv").is_file()
    source = PublishedLandmarks(folder, "query", texts="no_cues" if plain else "sections")
    queries, gallery = _described(source), _described(source)
    for number, name in enumerate(MODALITIES):
        progress.report(number / len(MODALITIES), f"embedding: {name}")
        items = source.items(name)
        queries.vectors[name], queries.owners[name] = _embedded(model, items)
        more = items
        if index and name != "text" and (folder / "index").is_dir():
            more = items.joined(published_gallery(folder, name))
            if name == "gps":
                gallery.gps = np.concatenate([queries.gps, [more.read(one) for one in range(len(items), len(more))]])
        gallery.vectors[name], gallery.owners[name] = _embedded(model, more)
    return {
        "landmarks": source.counts(),
        "directions": {
            one.name: one.to_json() | {"paper": PAPER.get(one.name, {})}
            for asked in MODALITIES
            for found in MODALITIES
            if asked != found and (one := direction(queries, gallery, asked, found, seed=seed)) is not None
        },
    }


def _described(source: PublishedLandmarks) -> Described:
    """Samples by the landmarks' own numbers, without any vector yet."""
    most = max(source.landmarks) + 1
    made = Described([""] * most, [str(number) for number in range(most)], [""] * most, np.full((most, 2), np.nan))
    positions = source.items("gps")
    for number, owner in enumerate(positions.owners):
        made.gps[owner] = positions.read(number)
        made.places[owner] = " ".join(str(int(np.floor(value))) for value in made.gps[owner])
    return made


def _embedded(model: LandmarkModel, items: Items) -> tuple[np.ndarray, np.ndarray]:
    modality: Modality = items.modality
    return embed_items(model, modality, len(items), items.read), items.owners
