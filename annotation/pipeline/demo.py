"""The demo's files: a synthetic town, the same on every machine."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.synthetic.town import CAPTURED, TownConfig, generate_town
from mlcore.synthetic.town_files import write_town

__all__ = ["NAME", "DemoFiles", "SilentProgress", "demo_files"]

NAME = "Demo town"
SIDE = 10
"""Tiles a side: large enough for cross-fitted models, small enough for a few minutes on two cores."""


@dataclass(frozen=True)
class DemoFiles:
    """Where the town lies, and when its image was taken."""

    imagery: Path
    map: Path
    area: Path
    captured_on: dt.date


def demo_files(progress: Progress) -> DemoFiles:
    """Make the town below the media folder, unless it is there already."""
    config = TownConfig(columns=SIDE, rows=SIDE)
    folder = Path(settings.MEDIA_ROOT) / "demo" / f"town-{config.seed}-{config.columns}x{config.rows}-z{config.zoom}"
    if not folder.is_dir():
        scratch = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(scratch, ignore_errors=True)
        town = generate_town(config, SpanProgress(progress, 0.0, 0.9))
        write_town(town, scratch, progress=SpanProgress(progress, 0.9, 1.0))
        scratch.rename(folder)
    return DemoFiles(folder / "imagery.tif", folder / "map.osm", folder / "area.geojson", CAPTURED[1])
