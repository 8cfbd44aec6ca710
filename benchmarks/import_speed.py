"""From .osm.pbf to clean features: seconds of processor time, beside ogr2ogr to GeoPackage on the same extracts.

    python benchmarks/import_speed.py [--repeats 3] [--osm2pgsql postgresql:///DATABASE]

Extracts: every .osm.pbf of the data's `osm`, and the state at the start of 2017 of those in `osm_history` (cut by
osmium-tool). ogr2ogr writes all its layers; `read_map` returns the buildings, roads, rails, water and green, repaired.
Each runs in a process of its own, whose start is counted for ogr2ogr (some 0.02 s) and not for us. The least of the
repeats counts.

* `ratio_to_ogr2ogr`: ogr2ogr's seconds of all extracts / ours; `EXTRACT/ratio_to_ogr2ogr` of one, `EXTRACT/s` ours.
* `least_ratio_to_ogr2ogr`: that of the extract where it is least.
* `ratio_to_osm2pgsql`: the same to osm2pgsql with the pgsql output, into the given database, if it is given; what the
  database does itself is not counted.
* `peak_mb_x1`, `peak_mb_x8`: highest memory of a process that reads the largest extract once, and eight of them side by
  side as one file; `kb_per_feature_more`: what each further feature takes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import osmium

from benchmarks.common import ROOT, data_folder, write_result

DATE = "2017-01-01T00:00:00Z"
READ = """
import resource, sys, time
from mlcore.maps.osm_files import read_map
start = time.process_time()
count = len(read_map(sys.argv[1]).features) if len(sys.argv) > 1 else 0
print(time.process_time() - start, count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--osm2pgsql", metavar="DSN", help="a database with PostGIS that osm2pgsql may write to")
    args = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        extracts = _extracts(folder)
        ours, theirs, osm2pgsql = {}, {}, {}
        for path in extracts:
            name = path.name.split(".")[0].split("-20")[0]
            ours[name] = min(_read(path)[0] for _ in range(args.repeats))
            theirs[name] = min(_ogr2ogr(path, folder / "out.gpkg") for _ in range(args.repeats))
            if args.osm2pgsql:
                command = ["osm2pgsql", "--create", "--output=pgsql", "-d", args.osm2pgsql, str(path)]
                osm2pgsql[name] = min(_children(command) for _ in range(args.repeats))
            figures |= {f"{name}/s": ours[name], f"{name}/ratio_to_ogr2ogr": theirs[name] / ours[name]}
            print(f"{name}: {ours[name]:.2f} s, ogr2ogr {theirs[name]:.2f} s", flush=True)
        figures["ratio_to_ogr2ogr"] = sum(theirs.values()) / sum(ours.values())
        figures["least_ratio_to_ogr2ogr"] = min(theirs[name] / ours[name] for name in ours)
        if osm2pgsql:
            figures["ratio_to_osm2pgsql"] = sum(osm2pgsql.values()) / sum(ours.values())
        figures |= _memory(max(extracts, key=lambda path: path.stat().st_size), folder)
    write_result("import_speed", {key: round(value, 3) for key, value in figures.items()})


def _extracts(folder: Path) -> list[Path]:
    extracts = sorted((data_folder() / "osm").glob("*.osm.pbf"))
    for history in sorted((data_folder() / "osm_history").glob("*.osh.pbf")):
        cut = folder / history.name.replace(".osh.", ".osm.")
        subprocess.run(["osmium", "time-filter", str(history), DATE, "-o", str(cut)], check=True, capture_output=True)
        extracts.append(cut)
    if not extracts:
        raise SystemExit("there are no extracts: set MAPWRIGHT_DATA to the folder that has osm and osm_history")
    return extracts


def _read(path: Path) -> tuple[float, int, float]:
    """Processor seconds, features and peak MB of one reading in a process of its own."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], cwd=ROOT, check=True, capture_output=True, text=True)
    seconds, count, peak = done.stdout.split()
    return float(seconds), int(count), float(peak)


def _ogr2ogr(path: Path, out: Path) -> float:
    out.unlink(missing_ok=True)
    return _children(["ogr2ogr", "-f", "GPKG", str(out), str(path)])


def _children(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory(path: Path, folder: Path) -> dict[str, float]:
    many = folder / "many.osm.pbf"
    _side_by_side(path, many, 8)
    _, one, peak = _read(path)
    _, eight, higher = _read(many)
    more = (higher - peak) * 1024 / (eight - one)
    return {"peak_mb_x1": peak, "peak_mb_x8": higher, "kb_per_feature_more": more}


def _side_by_side(path: Path, out: Path, times: int) -> None:
    """The same extract several times in one file, with ids of its own each time."""
    step = 10**11
    with osmium.SimpleWriter(str(out)) as writer:
        kinds: list[tuple[osmium.osm.osm_entity_bits, Callable[[object], None]]] = [
            (osmium.osm.NODE, writer.add_node),
            (osmium.osm.WAY, writer.add_way),
            (osmium.osm.RELATION, writer.add_relation),
        ]
        for kind, add in kinds:
            for number in range(times):
                for item in osmium.FileProcessor(str(path), kind):
                    moved = {"id": item.id + number * step}
                    if kind == osmium.osm.WAY:
                        moved["nodes"] = [node.ref + number * step for node in item.nodes]
                    elif kind == osmium.osm.RELATION:
                        moved["members"] = [(m.type, m.ref + number * step, m.role) for m in item.members]
                    add(item.replace(**moved))


if __name__ == "__main__":
    main()
