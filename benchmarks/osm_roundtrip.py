"""The drill of the exits: accepted changes on a real extract, osmChange, each tool, a map that equals the decisions.

    python benchmarks/osm_roundtrip.py [--extract liechtenstein-2013-08-03.osm.pbf] [--changes 200] [--seed 7]

Seeded decisions of every kind (add, with courtyards, modify, move, remove, keep as demolished; houses cut in two, made
one with a neighbour, given a courtyard; multipolygons reshaped, with courtyards filled and put in, and kept as
demolished) are accepted as a person does, leave in one changeset, and are applied by every tool that is here: osmium
with the file for uploads and with the one for copies, osmosis and osm2pgsql --append with the latter, ogr2ogr on the
map that osmium made, and our own import of it.

Figures: `changes` accepted, and how many of them cut a house (`changes_cut`), join two (`_merge`) or hollow one
(`_yard`); `mismatches` over all tools (a decision the map does not show, an element that nobody decided about and that
differs in tags, nodes or place, a node that nothing uses, a missing one, two buildings on one place); `tools` that took
part and `mismatches_TOOL` of each; `absent_TOOL`: 1 where it is not installed; `elements` written; `nodes_kept`: of the
nodes of reshaped ways the share that stayed the same nodes (of as many as the smaller of both outlines has).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import review_common as common
from common import data_folder, write_result

PRINTED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extract", default="liechtenstein-2013-08-03.osm.pbf", help="file below osm/ of the data")
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with common.own_database("bench_roundtrip"), tempfile.TemporaryDirectory() as folder:
        figures = run(data_folder() / "osm" / options.extract, options.changes, options.seed, Path(folder))
    write_result("osm_roundtrip", figures, seeds=[options.seed])


def run(source: Path, changes: int, seed: int, folder: Path) -> dict[str, float]:
    """Decide, export, apply, compare."""
    from tests.annotation.edits.drill_tools import installed
    from tests.annotation.edits.roundtrip import round_trip
    from tests.annotation.edits.town import town_from

    told = round_trip(town_from(source), folder, number=changes, seed=seed)
    for tool, faults in told.mismatches.items():
        for fault in faults[:PRINTED]:
            print(f"{tool}: {fault}", file=sys.stderr)
    return {
        "changes": told.changes,
        **{f"changes_{kind}": told.kinds[kind] for kind in ("cut", "merge", "yard")},
        "mismatches": sum(map(len, told.mismatches.values())),
        "tools": len(told.mismatches),
        **{f"mismatches_{tool}": len(faults) for tool, faults in told.mismatches.items()},
        **{f"absent_{tool}": 1 for tool, here in installed().items() if not here},
        "elements": told.elements,
        "nodes_kept": round(told.nodes_kept / max(told.nodes, 1), 3),
    }


if __name__ == "__main__":
    main()
