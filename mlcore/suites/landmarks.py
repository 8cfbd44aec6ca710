"""The suite of landmarks: held-out photos of land use and the tiles of real places, for the model and its baselines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.landmarks import absent, protocol
from mlcore.evaluation.landmarks.features import Described, tower_features
from mlcore.files import whole_file
from mlcore.landmarks.land_use import LandUsePhotos, classes_of, unseen_classes
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.readers.tiles import Chosen, RegionTiles, held_out_tiles
from mlcore.landmarks.samples import MODALITIES, JoinedSamples, Modality, Sample, SampleSource
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.suites.landmarks_words import ABSENT, PRESENT

WORTH_TELLING = 100
"""Of fewer tiles ten are most of all."""


@dataclass(frozen=True)
class Place:
    """A region of the shared data: its folder, image, map, the file of where that is complete, and the zoom."""

    name: str
    image: str
    map: str = "buildings.geojson"
    area: str = ""
    zoom: int = 19


PLACES = (
    Place("banepa", "banepa.tif", area="mapped_area.geojson"),
    Place("zanzibar", "zanzibar_1.tif"),
    Place("nairobi", "nairobi_1.tif"),
    Place("dhaka", "dhaka.tif"),
)


@dataclass(frozen=True, eq=False)
class Suite:
    """What is measured.

    Attributes:
        land_use: held-out photos; learnt: those that may be learnt from, for the baseline by keywords.
        unseen: classes that were never learnt.
        regions: tiles by region.
    """

    land_use: SampleSource
    learnt: SampleSource
    unseen: tuple[str, ...]
    regions: dict[str, RegionTiles]


class Without:
    """A source that knows nothing of one modality: an ablation."""

    def __init__(self, source: SampleSource, modality: Modality) -> None:
        self.source, self.modality = source, modality

    def __len__(self) -> int:
        return len(self.source)

    def get(self, number: int) -> Sample:
        nothing: dict[str, Any] = {self.modality: None} if self.modality != "text" else {"texts": ()}
        return replace(self.source.get(number), **nothing)


def standard_suite(data: Path) -> Suite:
    """UC Merced's held-out photos and the real places of the shared data.

    Raises:
        InvalidInputError: the data is not there.
    """
    folder = data / "ucmerced"
    if not folder.is_dir():
        raise InvalidInputError(f"there is no {folder}: say where the shared data lies")
    unseen = unseen_classes(classes_of(folder))
    seen = [one for one in classes_of(folder) if one not in unseen]
    regions = {}
    for place in PLACES:
        image = data / place.name / place.image
        if image.is_file():
            area = data / place.name / place.area if place.area else None
            regions[place.name] = RegionTiles(
                image, data / place.name / place.map, area, zoom=place.zoom, name=place.name
            )
    return Suite(LandUsePhotos(folder, "report"), LandUsePhotos(folder, "learn", classes=seen), tuple(unseen), regions)


def learnt_source(suite: Suite) -> SampleSource:
    """All that may be learnt from: photos of the seen classes, and the tiles of the regions that are not held out."""
    parts: list[SampleSource] = [suite.learnt]
    for source in suite.regions.values():
        held_out = held_out_tiles(source.tiles)
        parts.append(Chosen(source, [number for number, tile in enumerate(source.tiles) if tile not in held_out]))
    return JoinedSamples(parts)


def suite_features(model: LandmarkModel, suite: Suite, progress: Progress | None = None) -> dict[str, Described]:
    """What the towers say of all samples of the suite, by part: the same for every model with the same towers."""
    progress = progress or SilentProgress()
    parts = {"learnt": suite.learnt, "land_use": suite.land_use, **suite.regions}
    total, done = sum(len(part) for part in parts.values()), 0
    features: dict[str, Described] = {}
    for name, part in parts.items():
        progress.report(done / total, name)
        span = SpanProgress(progress, done / total, (done + len(part)) / total)
        features[name] = tower_features(model, part, span)
        done += len(part)
    return features


def run_suite(
    model: LandmarkModel, suite: Suite, *, seed: int = 0, progress: Progress | None = None,
    features: dict[str, Described] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Every figure of the suite, by part; see `mlcore.evaluation.landmarks.protocol`.

    Args:
        features: of `suite_features`, of a model with the same towers; None: they are made here.
    """
    features = features or suite_features(model, suite, progress)
    told: dict[str, Any] = {"unseen_classes": list(suite.unseen)}
    methods = protocol.methods_of(model, features["land_use"], features["learnt"], seed)
    told["land_use"] = protocol.land_use(methods, suite.unseen, seed)
    told["absent"] = {"land_use": absent.of_classes(model, methods["landmarks"], suite.unseen, seed)}
    told["regions"] = {}
    for name, source in suite.regions.items():
        apart = held_out_tiles(source.tiles)
        methods = protocol.methods_of(model, features[name], None, seed)
        mine = np.array([tile in apart for tile in source.tiles])
        told["regions"][name] = protocol.region(methods, mine, seed)
        if name in PRESENT:
            tiles = methods["landmarks"].vectors["aerial"]
            told["absent"][name] = absent.of_place(model, tiles, PRESENT[name], ABSENT[name], seed)
    return told


def run_ablations(
    suite: Suite,
    train: Callable[[SampleSource, str], LandmarkModel],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """A model taught on everything, and one for each modality left out, on the same suite.

    Args:
        train: of a source and the variant's name; all with the same towers.
    """
    progress, source = progress or SilentProgress(), learnt_source(suite)
    variants: dict[str, SampleSource] = {"everything": source}
    variants |= {f"without_{name}": Without(source, name) for name in MODALITIES if name != "ground"}
    told: dict[str, Any] = {}
    features: dict[str, Described] | None = None
    for number, (name, part) in enumerate(variants.items()):
        progress.report(number / len(variants), name)
        model = train(part, name)
        features = features or suite_features(model, suite)
        told[name] = run_suite(model, suite, seed=seed, features=features)
    return told


def headline(told: dict[str, Any]) -> dict[str, float]:
    """The few figures that are looked at first."""
    mine = told["land_use"]["landmarks"]
    directions = mine["directions"]
    found = {
        "text_to_class_seen": mine["text_to_class_seen"]["share"],
        "text_to_class_unseen": mine["text_to_class_unseen"]["share"],
        "text_to_aerial_r1": directions["text_to_aerial"]["figures"]["r1"],
        "text_to_aerial_r10": directions["text_to_aerial"]["figures"]["r10"],
        "aerial_to_text_r1": directions["aerial_to_text"]["figures"]["r1"],
        "chance": mine["text_to_class_all"]["chance"],
        "chance_r1": directions["text_to_aerial"]["chance"]["r1"],
        "aerial_map_same_class": mine["aerial_same_class"]["figures"]["map1k"],
    }
    for method in ("untrained", "keywords"):
        for which in ("seen", "unseen"):
            if one := told["land_use"].get(method, {}).get(f"text_to_class_{which}"):
                found[f"{method}_text_to_class_{which}"] = one["share"]
    for method in ("towers", "untrained"):
        found[f"{method}_aerial_map_same_class"] = told["land_use"][method]["aerial_same_class"]["figures"]["map1k"]
    for name, region in told["regions"].items():
        for which, directions in region["landmarks"].items():
            if "gps_to_aerial" in directions:
                found[f"{name}_gps_to_aerial_{which}_r10"] = directions["gps_to_aerial"]["figures"]["r10"]
                found[f"{name}_gps_to_aerial_{which}_ratio"] = directions["gps_to_aerial"]["ratio_r10"]
    return found


def with_intervals(told: dict[str, Any]) -> dict[str, float]:
    """What stands behind the headline: PART_DIRECTION_METHOD_FIGURE with its 95 % interval (..._low, ..._high); what
    chance reaches; of the model, of heads before training, one tower alone and keywords. Parts are the photos of
    land use and the tiles of places with WORTH_TELLING tiles or more, learnt and held out."""
    found: dict[str, float] = {}
    for method, one in told["land_use"].items():
        for key, value in one.items():
            if key == "directions":
                for name, direction in value.items():
                    found |= _told_of(f"land_use_{name}", method, direction, ("r1", "r10", "map1k"))
            elif "share" in value:
                found |= _share_of(f"land_use_{key}_{method}", value)
            elif value:
                found |= _told_of(f"land_use_{key}", method, value, ("map1k",))
    for place, methods in told["regions"].items():
        for method, parts in methods.items():
            for which, directions in parts.items():
                for name, direction in directions.items():
                    if direction["items"] >= WORTH_TELLING:
                        found |= _told_of(f"{place}_{which}_{name}", method, direction, ("r10",))
    for place, one in told["absent"].items():
        for what, rules in one.items():
            for rule, value in rules.items():
                found |= _share_of(f"{place}_words_{what}_{rule}", value)
    return found


def _told_of(name: str, method: str, direction: dict[str, Any], wanted: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for figure in wanted:
        low, high = direction["intervals"][figure]
        key = f"{name}_{method}_{figure}"
        found |= {key: direction["figures"][figure], f"{key}_low": low, f"{key}_high": high}
        if figure in direction["chance"]:
            found[f"{name}_chance_{figure}"] = direction["chance"][figure]
    return found


def _share_of(name: str, value: dict[str, Any]) -> dict[str, float]:
    low, high = value["interval"]
    return {name: value["share"], f"{name}_low": low, f"{name}_high": high}


def write_told(told: dict[str, Any], out: Path) -> None:
    """landmarks.json in a folder."""
    with whole_file(out / "landmarks.json") as scratch:
        scratch.write_text(json.dumps(told, indent=1, allow_nan=False), encoding="utf-8")
