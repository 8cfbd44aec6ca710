"""The ablations of TopicGeo's Tables 3 and 4: short trainings of variants, each measured on the same queries.

What the tables call C and T, the cross-attention of LoFTR and of TopicFM, is no part of this method and is left out.
The expectation-based fine matcher of Table 4's base is LoFTR's as well: here that row places by coarse matches alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.locators import CoarsePlacer, LocatorPlacer
from mlcore.evaluation.geolocation.outcomes import Outcome
from mlcore.geolocation.bases import MOST_PIXELS
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.grounds import PictureGround
from mlcore.geolocation.locator import Locator
from mlcore.geolocation.model import LocatorModel
from mlcore.geolocation.topics import class_shares
from mlcore.geolocation.training import train_locator
from mlcore.imagery.picture import read_picture
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.suites.geolocation import CLASSES, LEARNT, Suite, rasters
from mlcore.suites.geolocation_run import run_placers

PLACES_SHARE, COARSEST, PHOTOS_EACH, MAPPING = 0.65, 0.35, 60, "ucmerced_v1"
NOT_VERIFIED = {"verification": False, "fine_matching": False}


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        learns: settings of its training; uses: of the search alone, with the same weights.
        paper_r1, paper_iou: what the paper says of it on TZC, per cent.
    """

    table: int
    says: str
    paper_r1: float
    paper_iou: float | None = None
    learns: Mapping[str, Any] = field(default_factory=dict)
    uses: Mapping[str, Any] = field(default_factory=dict)


VARIANTS: dict[str, Variant] = {
    "self-attention": Variant(3, "no topics", 82.4, learns={
        "topics": False, "attributes": False, "distillation": False, "weighted": False}),
    "category": Variant(3, "categories' topics", 85.8, learns={"attributes": False, "weighted": False}),
    "attribute": Variant(3, "and attributes'", 88.1, learns={"weighted": False}),
    "weighted": Variant(3, "and weighted loss: all", 90.6),
    "corner": Variant(4, "labels by corners", 84.9, 72.3, learns={"centre_assignment": False},
                      uses={**NOT_VERIFIED, "matching_neighbours": 0}),
    "centre": Variant(4, "labels by centres", 86.5, 75.4, uses={**NOT_VERIFIED, "matching_neighbours": 0}),
    "mknn": Variant(4, "and MKNN", 86.5, 80.7, uses=NOT_VERIFIED),
    "verified": Variant(4, "and verification", 90.6, 85.1, uses={"fine_matching": False}),
    "one-to-many": Variant(4, "MKNN in retrieval too", 87.1, 81.2, uses={
        "fine_matching": False, "retrieval_neighbours": 1}),
    "fine": Variant(4, "and fine matching: all", 90.6, 90.5),
}  # fmt: skip
COARSE = "-coarse"


def run_variants(
    suite: Suite,
    grounds: Sequence[tuple[PictureGround, float]],
    out: Path,
    *,
    preset: str = "compact",
    steps: int = 300,
    names: Iterable[str] | None = None,
    encoder_weights: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, list[Outcome]]:
    """Train and measure variants; what `out` holds already is neither trained nor asked again.

    Returns:
        Outcomes by variant of the whole locator, and, under its name with `-coarse`, of coarse retrieval alone.

    Raises:
        InvalidInputError: no such variant.
        StoppedError: asked to stop; start it again to go on.
    """
    chosen = list(names or VARIANTS)
    if unknown := [name for name in chosen if name not in VARIANTS]:
        raise InvalidInputError(f"no variant {', '.join(unknown)}: choose from {', '.join(VARIANTS)}")
    progress = progress or SilentProgress()
    found: dict[str, list[Outcome]] = {}
    for number, name in enumerate(chosen):
        variant, share = VARIANTS[name], 1 / len(chosen)
        span = SpanProgress(progress, number * share, (number + 0.7) * share)
        config = GeolocationConfig.preset(preset, steps=steps, **variant.learns)
        folder = out / "variants" / "-".join(sorted(key for key in variant.learns) or ["all"])
        model = trained(grounds, config, folder, encoder_weights, seed, device, span)
        database = FeatureDatabase.build(suite.reference.source, model, folder / "features", prune=True)
        model.config = GeolocationConfig.from_dict({**config.to_dict(), **variant.uses})
        whole = LocatorPlacer(name, Locator(model, database, suite.reference.source), model)
        rest = SpanProgress(progress, (number + 0.7) * share, (number + 1) * share)
        found |= run_placers(suite, [whole, CoarsePlacer(model, database, name + COARSE)], out, progress=rest)
    return found


def trained(
    grounds: Sequence[tuple[PictureGround, float]], config: GeolocationConfig, folder: Path, weights: str | None,
    seed: int, device: str, progress: Progress,
) -> LocatorModel:  # fmt: skip
    """The locator of a folder, trained where it isn't there with these settings."""
    path = folder / "locator.safetensors"
    if path.is_file() and (model := LocatorModel.load(path)).config == config:
        return model
    folder.mkdir(parents=True, exist_ok=True)
    made = train_locator(
        grounds, config, run_dir=folder / "run", weights=weights, seed=seed, device=device, progress=progress
    )
    made.save(path, {"seed": seed})
    return LocatorModel.load(path).to(device)


def learnt_grounds(data: Path, prompts: str = "land_cover_v1") -> list[tuple[PictureGround, float]]:
    """What variants are taught on: the places that are not held out, and UC Merced's pictures with their classes.

    Raises:
        InvalidInputError: the data's folder lacks a place.
    """
    places = []
    for name in LEARNT:
        pictures = [read_picture(path, MOST_PIXELS).rgb for path in rasters(data / name)]
        places.append(PictureGround(pictures, [np.any(one > 0, axis=2) for one in pictures], coarsest=COARSEST))
    shares = class_shares(MAPPING, prompts)
    paths = [
        path for folder in sorted((data / CLASSES).glob("*")) for path in sorted(folder.glob("*.jpg"))[:PHOTOS_EACH]
    ]
    if not paths:
        raise InvalidInputError(f"{data / CLASSES} holds no pictures: say with --data where the real places lie")
    classes = [shares.get(path.parent.name) for path in paths]
    photos = PictureGround([read_picture(path, MOST_PIXELS).rgb for path in paths], categories=classes)
    return [*((place, PLACES_SHARE / len(places)) for place in places), (photos, 1 - PLACES_SHARE)]


def variants_table(table: Mapping[str, Mapping[str, Any]]) -> str:
    """Both tables beside the paper's figures: r1 of coarse retrieval, and IoU with 0 where it fails, as the paper."""
    lines = [
        "| table | variant | says | r1 | 95 % | IoU | s | r1 (paper) | IoU (paper) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, variant in VARIANTS.items():
        if name not in table:
            continue
        whole, coarse = table[name], table[name + COARSE]
        r1 = f"{coarse['r1']:.3f} | {coarse.get('r1_low', 0):.3f} to {coarse.get('r1_high', 1):.3f}"
        iou, seconds = whole.get("iou_all", 0), whole["s_per_query"]
        paper_iou = "–" if variant.paper_iou is None else f"{variant.paper_iou / 100:.3f}"
        lines.append(
            f"| {variant.table} | {name} | {variant.says} | {r1} | {iou:.3f} | {seconds:.2f} | "
            f"{variant.paper_r1 / 100:.3f} | {paper_iou} |"
        )
    return "\n".join(lines)
