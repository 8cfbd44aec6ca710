"""Builds a set of pairs: coarse, sampled, cleaned, refined, split by place, written in MapData's layout."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlcore.correspondences.exchange.pairs import write_pair
from mlcore.correspondences.hybrid.cleaning import RULES, Fingerprints
from mlcore.correspondences.hybrid.coarse import Coarse, find_coarse
from mlcore.correspondences.hybrid.config import SIZE_PX, HybridConfig
from mlcore.correspondences.hybrid.journal import Journal, coarse_to_json
from mlcore.correspondences.hybrid.pictures import LargePicture, prepared
from mlcore.correspondences.hybrid.placed import middle_of, place_map
from mlcore.correspondences.hybrid.sampling import PARTS, SamplingPoint, sampling_points
from mlcore.correspondences.hybrid.sources import Sources, drawn_map, given_transform
from mlcore.correspondences.hybrid.views import Matchers
from mlcore.correspondences.hybrid.windows import Proposal, cut, proposed, unlike_neighbours, with_data
from mlcore.digests import sha256_of
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked

FORMAT = "mapwright-hybrid-1"
WORK = "work"
KEPT_AT_ONCE = 8
TRANSFORM = (
    "kind", "parameters", "covariance", "inliers", "needed_inliers", "log10_nfa", "rmse_px",
)  # fmt: skip
LAYOUT = {
    "PART/L/NAME.png": "the map, 512 px, brought into the image's frame by the coarse homography",
    "PART/R/NAME.png": "the image, 512 px, black where it has no data",
    "PART/H/NAME.txt": "3 x 3 from pixels of the map to pixels of the image, (0, 0) the centre of the first one",
    "MAP.points": "of a scan under an image with a georeference: where the map lies, for QGIS; MAP-gcps.txt for GDAL",
    "proposals.jsonl": "one line per pair: transform, covariance and points in pixels from the outer corner, window",
}


@dataclass(frozen=True)
class _Work:
    """What all steps share."""

    image: LargePicture
    drawn: LargePicture
    coarse: Coarse
    points: list[SamplingPoint]
    config: HybridConfig

    def name(self, point: SamplingPoint) -> str:
        return f"window-{point.number:06d}"


def build_pairs(
    sources: Sources,
    out: Path,
    matchers: Matchers,
    config: HybridConfig | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make the set, going on where a run before was stopped.

    Args:
        out: folder of the set; what is not finished lies in `work` below it.

    Returns:
        The manifest, which lies in `manifest.json` as well: counts by rule and part, coarse homography, sources.

    Raises:
        InvalidInputError: a source can't be used, the map is not found, or the folder holds another set.
        StoppedError: asked to stop; the same call goes on.
    """
    config, progress = config or HybridConfig(), progress or SilentProgress()
    plan = _plan(sources, matchers, config)
    if (finished := _finished(out, plan)) is not None:
        return finished
    journal = Journal(out / WORK, plan)
    image = prepared(sources.image, out / WORK / "image.tif", SpanProgress(progress, 0.0, 0.05))
    drawn = drawn_map(sources, image, out / WORK / "map.tif", SpanProgress(progress, 0.05, 0.1))
    coarse = journal.coarse()
    if coarse is None:
        given = given_transform(sources, image, drawn)
        coarse = find_coarse(
            image, drawn, matchers, config, given=given, progress=SpanProgress(progress, 0.1, 0.2)
        )  # fmt: skip
        journal.keep_coarse(coarse)
    usable = with_data(image, drawn, coarse, config)
    work = _Work(image, drawn, coarse, sampling_points(image.width, image.height, config, usable), config)
    proposals = _matched(work, matchers, journal, SpanProgress(progress, 0.2, 0.9))
    manifest = _written(work, sources, matchers, proposals, plan, out, SpanProgress(progress, 0.9, 1.0))
    shutil.rmtree(out / WORK)
    return manifest


def _plan(sources: Sources, matchers: Matchers, config: HybridConfig) -> dict[str, Any]:
    """All that the set depends on."""
    files = {"image": sources.image, "map": sources.map} | ({"points": sources.points} if sources.points else {})
    digests = {name: sha256_of(path) for name, path in files.items() if path.is_file()}
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    return {
        "format": FORMAT,
        "settings": settings,
        "files": digests,
        "matcher": [matchers.name, matchers.digest],
        "told": [
            sources.called, sources.image_licence, sources.image_attribution, sources.map_licence,
            sources.map_attribution,
        ],
    }  # fmt: skip


def _finished(out: Path, plan: dict[str, Any]) -> dict[str, Any] | None:
    path = out / "manifest.json"
    if not path.is_file() or (out / WORK).exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    if told.get("plan") != plan:
        raise InvalidInputError(f"{out} holds a finished set of other sources or settings: choose another folder")
    return dict(told)


def _matched(work: _Work, matchers: Matchers, journal: Journal, progress: Progress) -> list[Proposal]:
    """What becomes of every sampling point, in their order."""
    done = journal.proposals()
    seen_before = Fingerprints([one.prints for one in done if one.prints is not None])
    fresh: list[Proposal] = []
    for point in work.points[len(done) :]:
        if progress.should_stop():
            journal.add(fresh)
        stop_if_asked(progress)
        if point.crosses:
            one = Proposal(point.number, "overlap")
        else:
            window = cut(work.image, work.drawn, work.coarse, point, work.config.side)
            one = proposed(window, point, matchers, seen_before, work.config)
        done.append(one)
        fresh.append(one)
        if len(fresh) >= KEPT_AT_ONCE:
            journal.add(fresh)
            fresh = []
        kept = sum(not other.rule for other in done)
        progress.report(len(done) / len(work.points), f"{len(done)} of {len(work.points)} windows, {kept} pairs")
    journal.add(fresh)
    return done


def _written(
    work: _Work,
    sources: Sources,
    matchers: Matchers,
    proposals: list[Proposal],
    plan: dict[str, Any],
    out: Path,
    progress: Progress,
) -> dict[str, Any]:
    """The pairs, what is known of each, and the manifest, which is last."""
    unlike = unlike_neighbours(proposals, work.points, work.config)
    rules = Counter("implausible" if one.number in unlike else one.rule for one in proposals)
    kept = [one for one in proposals if one.transform is not None and one.number not in unlike]
    parts: Counter[str] = Counter()
    verified, middles = 0, []
    with whole_file(out / "proposals.jsonl") as scratch, scratch.open("w", encoding="utf-8") as told:
        for number, one in enumerate(kept, 1):
            stop_if_asked(progress)
            line = _write_one(work, matchers, one, out)
            told.write(json.dumps(line, allow_nan=False) + "\n")
            middles.append(middle_of(line))
            parts[line["part"]] += 1
            verified += line["state"] == "verified"
            progress.report(number / len(kept), f"{number} of {len(kept)} pairs are written")
    (out / "LICENCE.txt").write_text(sources.licence_text(), encoding="utf-8")
    if work.image.to_mercator is not None and work.drawn.to_mercator is None:
        place_map(middles, work.image.to_mercator, sources.called, out)
    manifest = {
        "plan": plan,
        "image": sources.told("image") | {"width": work.image.width, "height": work.image.height},
        "map": sources.told("map") | {"width": work.drawn.width, "height": work.drawn.height},
        "coarse": coarse_to_json(work.coarse),
        "sampling_points": len(work.points),
        "left_out": {rule: rules[rule] for rule in RULES},
        "pairs": len(kept),
        "parts": {part: parts[part] for part in PARTS},
        "verified_by_gate": verified,
        "layout": LAYOUT,
    }
    with whole_file(out / "manifest.json") as scratch:
        scratch.write_text(json.dumps(manifest, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return manifest


def _write_one(work: _Work, matchers: Matchers, one: Proposal, out: Path) -> dict[str, Any]:
    """Write a pair, and give its line of the proposals."""
    point, transform = work.points[one.number], one.transform
    if transform is None:
        raise ValueError("a window without a transform is no pair")
    window = cut(work.image, work.drawn, work.coarse, point, work.config.side)
    told = one.to_json()
    write_pair(out / point.part, work.name(point), window.map[0], window.image[0], transform)
    return {
        "name": work.name(point),
        "part": point.part,
        "window": {"left": point.left, "top": point.top, "side": work.config.side},
        "state": "verified" if _passes_gate(one, work.config) else "proposed",
        "transform": {name: told[name] for name in TRANSFORM},
        "points": told["points"],
        "size_px": SIZE_PX,
        "map_to_image": window.map_to_image(transform).tolist(),
        "matcher": matchers.name,
        "matcher_digest": matchers.digest,
    }


def _passes_gate(one: Proposal, config: HybridConfig) -> bool:
    gate = config.gate_log10_nfa
    return gate is not None and one.log10_nfa <= gate and one.rmse_px <= config.gate_rmse_px
