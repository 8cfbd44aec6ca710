"""Vectors of `landmarks_scale.py`: the real ones, and the many that are simulated from them; how stands there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.common import data_folder

BLOCK = 65_536
CLUSTERS, MIXED, SPREAD = 64, 3, 0.5
PLACES = ("banepa", "zanzibar", "nairobi", "dhaka", "austin")
ZOOM = 19


def real_vectors(weights: Path | None, kept: Path) -> dict[str, np.ndarray]:
    """Vectors of real pictures and sentences by the model: fill, aerial queries, text queries; kept in a file."""
    if kept.exists():
        with np.load(kept) as found:
            return {name: found[name] for name in ("fill", "aerial", "text")}
    from mlcore.cli.landmark_model import load_landmarks
    from mlcore.geometry.webmercator import tiles_covering
    from mlcore.imagery.raster import open_image
    from mlcore.landmarks.embedding import embed_pictures, embed_tiles
    from mlcore.landmarks.land_use import LandUsePhotos

    model = load_landmarks(weights)

    def photos(part: str) -> tuple[np.ndarray, list[str]]:
        source = LandUsePhotos(data_folder() / "ucmerced", part)  # type: ignore[arg-type]
        texts: list[str] = []

        def read(number: int) -> np.ndarray | None:
            sample = source.get(number)
            texts.append(sample.texts[0])
            return sample.aerial

        parts = [vectors for _, vectors in embed_pictures(model, range(len(source)), read)]
        return np.concatenate(parts), texts

    fill = [photos("learn")[0]]
    for path in (path for place in PLACES for path in sorted((data_folder() / place).glob("*.tif"))):
        try:
            reader = open_image(path)
        except Exception as error:  # some of the places are no clean COG: they are left out, and that is told
            print(f"left out: {error}")
            continue
        tiles = list(tiles_covering(reader.footprint_lonlat, ZOOM))
        fill += [vectors for _, vectors in embed_tiles(model, reader, tiles)]
    aerial, texts = photos("report")
    found = {"fill": np.concatenate(fill), "aerial": aerial, "text": model.embed_texts(texts)}
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez(kept, **found)
    return found


def simulated(real: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """(n, D) float32 unit vectors in blocks, `count` in all.

    A cluster of the real ones is drawn by its size, MIXED of its vectors are mixed by random weights, and noise is
    added that has the covariance which vectors have within their clusters, SPREAD times as wide.
    """
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    clusters = min(CLUSTERS, max(1, len(real) // 8))
    labels = KMeans(clusters, n_init=1, random_state=seed).fit_predict(real)
    members = [np.flatnonzero(labels == number) for number in range(clusters)]
    inner = np.concatenate([real[mine] - real[mine].mean(axis=0) for mine in members])
    root = np.linalg.svd(inner / np.sqrt(len(inner)), full_matrices=False)
    shape = (root.S[:, None] * root.Vh).astype(np.float32) * SPREAD
    shares = np.bincount(labels, minlength=clusters) / len(labels)
    starts, order = np.cumsum([0, *(len(mine) for mine in members[:-1])]), np.concatenate(members)
    sizes = np.array([len(mine) for mine in members])
    for start in range(0, count, BLOCK):
        some = min(BLOCK, count - start)
        drawn = rng.choice(clusters, some, p=shares)
        weights = rng.dirichlet(np.ones(MIXED), some).astype(np.float32)
        made = np.zeros((some, real.shape[1]), np.float32)
        for column in range(MIXED):
            one = order[starts[drawn] + rng.integers(0, sizes[drawn])]
            made += weights[:, column, None] * real[one]
        made += rng.standard_normal((some, len(shape)), dtype=np.float32) @ shape
        yield made / np.linalg.norm(made, axis=1, keepdims=True)


def spectrum(vectors: np.ndarray) -> float:
    """How many directions the vectors take up: the participation ratio of their covariance."""
    values = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
    return float(values.sum() ** 2 / (values**2).sum())
