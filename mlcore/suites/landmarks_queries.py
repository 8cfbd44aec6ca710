"""Queries as people write them, tried over what is there: what comes first, as text and as a sheet of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mlcore.landmarks.embedding import embed_pictures
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.yardstick import Yardstick, in_memory
from mlcore.suites.landmarks import Suite

QUERIES: dict[str, tuple[str, ...]] = {
    "ucmerced": (
        "a golf course with sand bunkers", "boats in a marina", "planes parked beside a terminal",
        "dense forest", "a big parking lot full of cars", "round storage tanks", "a tennis court",
        "waves on a sandy beach",
        "a river through green land",
    ),
    "banepa": (
        "many small houses close together", "a football field", "a river or stream", "terraced fields",
        "a wide road with trucks", "a building with a blue roof", "dense trees",
    ),
    "towns": (
        "a swimming pool", "a park with trees", "large factory halls", "bare brown ground",
    ),
    "nonsense": ("xqzv blorp", "the second law of thermodynamics"),
}  # fmt: skip
"""Where each is asked; nonsense is asked of everything, and should find nothing."""
SHOWN, SIDE_PX, GAP_PX = 6, 160, 4


def try_queries(model: LandmarkModel, suite: Suite, out: Path) -> list[dict[str, Any]]:
    """What each query finds first; the pictures of all go to queries-WHERE.jpg in a folder."""
    land_use = _pictures(model, {"ucmerced": suite.land_use})
    banepa = _pictures(model, {name: one for name, one in suite.regions.items() if name == "banepa"})
    towns = _pictures(model, {name: one for name, one in suite.regions.items() if name != "banepa"})
    everything = tuple(
        np.concatenate([part[number] for part in (land_use, banepa, towns)]) if number == 0 else
        [one for part in (land_use, banepa, towns) for one in part[number]]
        for number in range(3)
    )  # fmt: skip
    told = []
    where: Any
    for name, where in (("ucmerced", land_use), ("banepa", banepa), ("towns", towns), ("nonsense", everything)):
        vectors, names, pictures = where
        rows = []
        likest = in_memory(vectors)
        measured = Yardstick.measured(model, model.newness(vectors), likest) if len(names) else None
        for query in QUERIES[name] if len(names) else ():
            asked = model.embed_texts([query])[0]
            likeness, least = vectors @ asked, measured.least_of(asked, likest) if measured else -1.0
            first = np.argsort(-likeness)[:SHOWN]
            told.append({
                "query": query, "where": name,
                "meant": bool(likeness[first[0]] >= least),
                "found": [{"name": names[one], "likeness": float(likeness[one])} for one in first],
            })  # fmt: skip
            rows.append(np.concatenate([_framed(pictures[one]) for one in first], axis=1))
        if rows:
            cv2.imwrite(str(out / f"queries-{name}.jpg"), np.concatenate(rows)[..., ::-1])
    return told


def _pictures(model: LandmarkModel, sources: dict[str, Any]) -> tuple[np.ndarray, list[str], list[np.ndarray]]:
    vectors, names, pictures = [np.zeros((0, model.dimension), np.float32)], [], []
    for source in sources.values():
        seen: dict[int, tuple[str, np.ndarray]] = {}

        def read(number: int, source: Any = source, seen: dict = seen) -> np.ndarray:
            sample = source.get(number)
            shown = f"{sample.group}/{sample.name}" if sample.group else sample.name
            seen[number] = shown, cv2.resize(sample.aerial, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
            return sample.aerial

        for some, found in embed_pictures(model, range(len(source)), read):
            vectors.append(found)
            for number in some:
                name, small = seen.pop(number)
                names.append(name)
                pictures.append(small)
    return np.concatenate(vectors), names, pictures


def _framed(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 0, GAP_PX, 0, GAP_PX, cv2.BORDER_CONSTANT, value=(255, 255, 255))
