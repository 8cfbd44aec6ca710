"""Vectors with likes among them, made by a seed, and what a search must find by comparing everything."""

import numpy as np


def clustered(count: int, dimension: int = 32, seed: int = 0, clusters: int = 20) -> np.ndarray:
    """(count, dimension) unit vectors about some middles, by float16's steps, as a store keeps them."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(0, 1, (clusters, dimension))
    made = middles[rng.integers(0, clusters, count)] + rng.normal(0, 0.5, (count, dimension))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float16).astype(np.float32)


def brute_force(kept: dict[int, np.ndarray], query: np.ndarray, count: int, allowed: set[int] | None = None) -> list:
    """The likest (id, likeness), by comparing each in turn."""
    scored = [
        (-float(vector @ query), number) for number, vector in kept.items() if allowed is None or number in allowed
    ]
    return [(number, -minus) for minus, number in sorted(scored)[:count]]
