"""Pairs of a map scan and an imagery, by the library's builder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.common.engine import compute_device
from annotation.correspondences.engine.matchers import STRUCTURE, check_matcher, weights_file
from mlcore.correspondences.hybrid.apart import prepared_apart
from mlcore.correspondences.hybrid.config import HybridConfig
from mlcore.correspondences.hybrid.sources import Sources, side_of
from mlcore.digests import sha256_of
from mlcore.progress import Progress, SpanProgress

COPYING = 0.05
"""Share of the work that the scan's clean copy is."""


@dataclass(frozen=True)
class ScanFiles:
    """Where the files of a scan lie, and what their owners ask for.

    Attributes:
        image: a cleaned imagery; scan: as it came; name: of the scan; points: of a person, or None.
        folder: where the set is built; picture: where the scan's clean copy is kept.
        licences: `image_licence`, `image_attribution`, `map_licence`, `map_attribution`.
    """

    image: Path
    scan: Path
    name: str
    points: Path | None
    folder: Path
    picture: Path
    licences: dict[str, str]


def build_scan_pairs(files: ScanFiles, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The set's manifest; goes on where a run before was stopped. The scan is read in a process with limits first.

    Raises:
        MlcoreError: the scan can't be used, or was not found in the image.
        NoWeightsError: the structure matcher is not offered here.
        StoppedError: asked to stop.
    """
    from mlcore.correspondences.hybrid.builder import WORK, build_pairs
    from mlcore.correspondences.hybrid.views import FREE_SPAN, SMALLEST, Matchers
    from mlcore.correspondences.matcher import StructureMatcher
    from mlcore.correspondences.search import NEARLY_PLACED, SearchRange

    check_matcher(STRUCTURE)
    files.picture.parent.mkdir(parents=True, exist_ok=True)
    if not files.picture.is_file():
        prepared_apart(files.scan, files.picture, SpanProgress(progress, 0.0, COPYING), files.name)
    copy = files.folder / WORK / "map.tif"
    if not (files.folder / "manifest.json").is_file() and not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.hardlink_to(files.picture)
    path = weights_file()
    digest = sha256_of(path)
    free = StructureMatcher.load(
        path, SearchRange(180.0, (SMALLEST, FREE_SPAN)), sha256=digest, device=compute_device()
    )
    matchers = Matchers(free, StructureMatcher(free.model, NEARLY_PLACED), STRUCTURE, digest)
    sources = Sources(files.image, files.scan, files.points, files.name, **files.licences)
    config = HybridConfig(side=side_of(files.image), **options)
    return build_pairs(sources, files.folder, matchers, config, SpanProgress(progress, COPYING, 1.0))
