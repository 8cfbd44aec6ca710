"""Maps that are off: what of an injected offset is found, and how many false changes that spares the queue.

    python benchmarks/offset_recovery.py [--seeds 0 1 2] [--candidate-seeds 0]

Banepa's 48 mapped tiles; evidence of the model that ships, which never learnt from Banepa, made once. The whole map is
drawn off by 1, 2, 4, 6 or 8 m in one direction (`region_METRES`), by 1 to 8 m drawn apart for every tile (`tile`), or
by 1 to 8 m that vary smoothly, as relief displaces (`smooth`).

Banepa's own map is off by itself by unknown amounts. So an offset counts as recovered on a tile where its buildings are
brought, on the whole, to within 0.5 m of where they are brought without injection. This says that offsets are followed,
not that the shift without one is right.

* `recovered_share`: tiles of all settings and seeds, those without a shift of their own included; `_low`, `_high`:
  95 % over 12 geographic blocks. `SETTING/recovered_share`, `SETTING/median_error_m`: by setting.
* `false_change_reduction`: of changes that the map gets into the queue with the offset and not without, how many fewer
  there are when it is registered than when it is compared as it is drawn. `net_change_reduction`: the same from plain
  differences of counts; `false_change_reduction_10_percent`: of changes with a probability of 0.1 or more alone, since
  an untuned model calls few changes of a new place likelier. `SETTING/false_changes`,
  `SETTING/false_changes_unregistered`: by setting, mean of the seeds whose changes are counted; `suggested`,
  `suggested_unregistered`: what the map gets without any offset.
* `own_share`: tiles whose shift is their own measurement, `neighbour_share`, `region_share`: taken from others.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.diff import candidates_of, iter_measures
from mlcore.changes.registration import region_shifts
from mlcore.correspondences.dense.shift import Shift
from mlcore.evaluation.metrics import Interval
from mlcore.evaluation.offsets import (
    Offset,
    Suggested,
    drawn_off,
    errors_m,
    fewer,
    offset_per_tile,
    one_offset,
    share_within,
    smooth_offset,
)
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.splits import geographic_folds
from mlcore.region.model import RegionModel
from mlcore.region.shipped import shipped_model
from mlcore.suites.places import read_place

LENGTHS_M = (1.0, 2.0, 4.0, 6.0, 8.0)
RECOVERED_M = 0.5
LIKELIER = 0.1
BLOCKS = 12
Shifts = Mapping[TileAddress, Shift]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--candidate-seeds", type=int, nargs="+", default=[0], help="of these changes are counted")
    args = parser.parse_args()
    model = shipped_model()
    if model is None:
        sys.exit("there is no model in mlcore/weights to see Banepa with")
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(model, Path(folder) / "evidence.tif")
        for seed in args.seeds:
            for name, offset in settings(seed, model.zoom).items():
                trial.run(name, offset, candidates=seed in args.candidate_seeds)
                print(f"seed {seed}, {name}: {trial.last(name)}", flush=True)
    write_result("offset_recovery", trial.figures(), seeds=args.seeds)


def settings(seed: int, zoom: int) -> dict[str, Offset]:
    """Every kind of offset, by name."""
    one = {f"region_{length:g}": one_offset(length, 10 * seed + number) for number, length in enumerate(LENGTHS_M)}
    return {**one, "tile": offset_per_tile(1.0, 8.0, zoom, seed), "smooth": smooth_offset(1.0, 8.0, seed)}


class Trial:
    """Banepa and its evidence, and what was found on it so far."""

    def __init__(self, model: RegionModel, evidence: Path) -> None:
        place = read_place(data_folder() / "banepa")
        self.source = place.source
        self.model, self.index, self.tiles = model, place.source.index, list(place.tiles)
        self.block = geographic_folds(self.tiles, BLOCKS)
        model.write_evidence(place.source, self.tiles, evidence)
        self.evidence = EvidenceReader(evidence, model.zoom)
        self.before = region_shifts(self.evidence, self.index, self.tiles)
        self.plain = {True: self._suggested(self.index, self.before), False: self._suggested(self.index, {})}
        self.errors: dict[str, list[tuple[TileAddress, float]]] = {}
        self.caused: dict[tuple[str, bool], list[list[Candidate]]] = {}
        self.net: dict[bool, int] = {True: 0, False: 0}
        self.origins: list[str] = []

    def run(self, name: str, offset: Offset, *, candidates: bool) -> None:
        """Draw the map off and find it again; with `candidates` also what is suggested on it."""
        off = drawn_off(self.index, offset)
        shifts = region_shifts(self.evidence, off, self.tiles)
        self.errors.setdefault(name, []).extend(errors_m(self.index, self.before, shifts, offset).items())
        self.origins += [shift.origin for shift in shifts.values()]
        if not candidates:
            return
        for registered, frame in ((True, offset), (False, None)):
            found = self._suggested(off, shifts if registered else {}, frame)
            self.caused.setdefault((name, registered), []).append(found.beyond(self.plain[registered]))
            self.net[registered] += len(found.candidates) - len(self.plain[registered].candidates)

    def last(self, name: str) -> str:
        """A setting's newest run in words."""
        right = [error <= RECOVERED_M for _, error in self.errors[name][-len(self.tiles) :]]
        caused = {how: [len(run) for run in self.caused.get((name, how), [])] for how in (True, False)}
        return f"{sum(right)} of {len(right)} tiles, false changes {caused[True]}, unregistered {caused[False]}"

    def figures(self) -> dict[str, float]:
        every = [one for rows in self.errors.values() for one in rows]
        share = share_within([error for _, error in every], [self.block[tile] for tile, _ in every], RECOVERED_M)
        figures = {"recovered_share": share.value, "recovered_share_low": share.low, "recovered_share_high": share.high}
        if self.caused:
            spared = self._spared()
            figures |= {
                "false_change_reduction": spared.value, "false_change_reduction_low": spared.low,
                "false_change_reduction_high": spared.high,
                "net_change_reduction": 1 - self.net[True] / self.net[False],
                "false_change_reduction_10_percent": self._spared(LIKELIER).value,
            }  # fmt: skip
        for name, rows in self.errors.items():
            errors = [error for _, error in rows]
            figures[f"{name}/recovered_share"] = statistics.fmean(error <= RECOVERED_M for error in errors)
            figures[f"{name}/median_error_m"] = statistics.median(errors)
            for registered, word in ((True, "false_changes"), (False, "false_changes_unregistered")):
                if runs := self.caused.get((name, registered)):
                    figures[f"{name}/{word}"] = statistics.fmean(len(run) for run in runs)
        figures |= {"suggested": len(self.plain[True].candidates)}
        figures |= {"suggested_unregistered": len(self.plain[False].candidates)}
        for word, origin in (("own", "measured"), ("neighbour", "neighbours"), ("region", "region")):
            figures[f"{word}_share"] = self.origins.count(origin) / len(self.origins)
        return {name: round(value, 3) for name, value in figures.items()}

    def _spared(self, least: float = 0.0) -> Interval:
        """How many fewer false changes of a probability of `least` registration leaves."""
        every = [(how, one) for (_, how), runs in self.caused.items() for run in runs for one in run]
        likely = [(how, self.block[one.tile]) for how, one in every if one.confidence >= least]
        left, caused = ([block for how, block in likely if how is registered] for registered in (True, False))
        return fewer(left, caused, BLOCKS)

    def _suggested(self, index: MapIndex, shifts: Shifts, frame: Offset | None = None) -> Suggested:
        blocks = iter_measures(self.evidence, index, self.tiles, shifts)
        usual = self.model.usual_in(self.source.with_index(index), self.evidence, self.tiles, shifts)
        found = [one for block in blocks for one in candidates_of(block, self.model.verdicts(usual))]
        return Suggested(non_maximum_suppression(found), frame)


if __name__ == "__main__":
    main()
