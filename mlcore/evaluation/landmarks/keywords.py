"""The baseline by keywords: an image is described by the sentences of learnt images that look like it, and searched by
their words.

What such a search reaches without any common space: nearest learnt images by the frozen tower, and TF-IDF.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.landmarks.features import Described, towers_alone

NEIGHBOURS = 5


def by_keywords(learnt: Described, held_out: Described, neighbours: int = NEIGHBOURS) -> Described:
    """Held-out images and texts as unit vectors over the words of learnt sentences.

    Args:
        learnt: features of the towers of what may be learnt from, with texts.
        held_out: the same of what is asked.

    Raises:
        InvalidInputError: there is no learnt image with a text.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not len(learnt.vectors.get("aerial", ())) or not learnt.texts:
        raise InvalidInputError("keywords need learnt images with sentences")
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    said = words.fit_transform(learnt.texts)
    of_sample = np.zeros((len(learnt), said.shape[1]), np.float32)
    for owner, row in zip(learnt.owners["text"], said.toarray(), strict=True):
        of_sample[owner] += row
    images, known = towers_alone(held_out).vectors["aerial"], towers_alone(learnt).vectors["aerial"]
    nearest = np.argsort(-(images @ known.T), axis=1)[:, :neighbours]
    described = of_sample[learnt.owners["aerial"][nearest]].sum(axis=1)
    asked = np.asarray(words.transform(held_out.texts).toarray(), np.float32)
    return replace(held_out, vectors={"aerial": _unit(described), "text": _unit(asked)})


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
