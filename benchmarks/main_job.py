"""The main job through the product, on a real place with simulated edits of its map: how good, how long.

Puts 60 seeded edits into the real map (20 buildings deleted, 20 invented ones drawn in, 20 reshaped or shifted by 5 m
or more), hands image, edited map and coverage to `manage.py start_region` in a database of its own, and holds the
tile scores and the queue it made against the edits. Every tile is scored by a model that was trained elsewhere. The
map's errors are simulated; image and map are real. Needs running services (`bash deploy/services start`).

    python benchmarks/main_job.py [--seeds 0 1 2] [--place banepa] [--add]

`--add` keeps the seeds that the result file has already, and gives means over all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import RESULTS, data_folder, write_result

DATABASE = "mapwright_benchmark"
EDITS_PER_KIND = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--place", type=Path, default=data_folder() / "banepa", help="folder of image, map and area")
    parser.add_argument("--add", action="store_true", help="keep the seeds of the result file")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mapwright-main-job-"))
    os.environ |= {"MAPWRIGHT_DB_NAME": DATABASE, "MAPWRIGHT_MEDIA": str(folder / "media"), "MAPWRIGHT_REDIS_DB": "14"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings.dev")
    fresh_database()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    try:
        runs = [one_run(args.place, seed, folder) for seed in args.seeds]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    by_seed = (earlier_runs() if args.add else {}) | dict(zip(args.seeds, runs, strict=True))
    write_result("main_job", figures_of(by_seed), seeds=sorted(by_seed))


def figures_of(by_seed: dict[int, dict[str, float]]) -> dict[str, float]:
    """Mean of every figure over the seeds, its standard deviation, and each seed's own as `seed_N/name`."""
    runs = list(by_seed.values())
    # A kind that no candidate got right has no boundary distance: such a figure is left out.
    names = [name for name in runs[0] if all(math.isfinite(run.get(name, math.nan)) for run in runs)]
    figures = {name: statistics.fmean(run[name] for run in runs) for name in names}
    if len(runs) > 1:
        figures |= {f"{name}_sd": statistics.stdev(run[name] for run in runs) for name in names}
    for seed, run in by_seed.items():
        figures |= {f"seed_{seed}/{name}": value for name, value in run.items() if math.isfinite(value)}
    return {name: round(value, 4) for name, value in figures.items()}


def earlier_runs() -> dict[int, dict[str, float]]:
    """The figures of every seed in the result file."""
    path = RESULTS / "main_job.json"
    figures = json.loads(path.read_text())["figures"] if path.exists() else {}
    runs: dict[int, dict[str, float]] = {}
    for key, value in figures.items():
        if key.startswith("seed_"):
            seed, name = key.removeprefix("seed_").split("/", 1)
            runs.setdefault(int(seed), {})[name] = value
    return runs


def fresh_database() -> None:
    """An empty database of the benchmark's own; PostGIS comes with the cluster's template."""
    from webapp.settings.base import RUN_DIR

    psql = ["psql", "-h", str(RUN_DIR), "-U", "mapwright", "-d", "postgres", "-qc"]
    subprocess.run([*psql, f"DROP DATABASE IF EXISTS {DATABASE}"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([*psql, f"CREATE DATABASE {DATABASE}"], check=True)


def one_run(place: Path, seed: int, folder: Path) -> dict[str, float]:
    """Edits the map, runs the whole job through the product, and scores what it put into the queue."""
    from django.core.management import call_command

    from mlcore.maps.coverage import read_area
    from mlcore.maps.osm_files import read_map
    from mlcore.synthetic.edit_files import write_map_geojson
    from mlcore.synthetic.edits import EditCounts, simulate_edits

    image, area = next(place.glob("*.tif")), place / "mapped_area.geojson"
    features = read_map(place / "buildings.geojson").features
    counts = EditCounts(
        remove=EDITS_PER_KIND, add=EDITS_PER_KIND, reshape=EDITS_PER_KIND // 2, shift=EDITS_PER_KIND // 2
    )
    edited = simulate_edits(features, counts=counts, area=read_area(area), seed=seed)
    edited_map = folder / f"map_{seed}.geojson"
    write_map_geojson(edited_map, edited.features)
    name = f"{place.name}, simulated edits {seed}"
    started = time.monotonic()
    call_command("start_region", name=name, imagery=image, map=edited_map, area=area)
    minutes = (time.monotonic() - started) / 60
    return score(name, edited.edits, seed) | {"minutes": minutes}


def score(name: str, edits: list, seed: int) -> dict[str, float]:
    """The rows of the queue and of the scan, held against the edits."""
    import shapely

    from annotation.changes.models import Change
    from annotation.consistency.engine import tile_results
    from annotation.consistency.selectors import latest_scan
    from annotation.sources.models import Region
    from annotation.tiles.engine import tile_address
    from mlcore.changes.candidate import Candidate
    from mlcore.evaluation.main_job import score_main_job

    scan = latest_scan(Region.objects.get(name=name).pk)
    assert scan is not None
    results = tile_results(scan)
    rows = (
        Change.objects.filter(scan=scan)
        .select_related("footprint", "pair__tile")
        .order_by("-item__priority", "item_id")
    )
    queue = [
        Candidate(
            kind=row.kind,
            geometry=shapely.from_wkb(bytes(row.geometry.wkb)),
            osm_type=row.footprint.osm_type if row.footprint else None,
            osm_id=row.footprint.osm_id if row.footprint else None,
            tile=tile_address(row.pair.tile),
            confidence=row.confidence,
            evidence=row.evidence,
        )
        for row in rows
    ]
    others = {
        "consistency": {tile: result.final for tile, result in results.items()},
        "difference": {tile: -result.difference for tile, result in results.items()},
    }
    probabilities = {tile: result.probability for tile, result in results.items()}
    return score_main_job(probabilities, queue, edits, others=others, seed=seed)


if __name__ == "__main__":
    main()
