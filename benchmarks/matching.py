"""Matchers on the protocols of `mlcore.suites.matching`, on held-out real places.

    python benchmarks/matching.py --out WORK [--protocols full working style modality false] [--windows 24]
        [--seeds 3] [--peers-folder PEERS] [--graph-weights GRAPH]

Banepa, Austin and Dhaka were never learnt from; the width of agreement (2.5 px), the patches' distance and the number
of guesses that are followed were chosen on windows of them. Every matcher gets the same pairs, warped by the sample's
number and the seed, and the same estimator: a homography by MAGSAC (1.5 px, 10,000 trials, 0.9999, 2,048 points at
most); in the working range the transform that the product takes from anybody's points
(`mlcore.correspondences.robust.register`). A failure counts as infinite error. Pictures are 512 px a side at zoom 19
(0.26 to 0.3 m per pixel). Modalities are simulated from real tiles. A seed is other windows and other warps; the
network is one, taught once.

Each protocol has a file of its own, `matching_PROTOCOL.json`:

- auc1 .. auc20: area under the share of pairs within an error, in per cent; `_low`, `_high`: 95 % interval over
  windows. homography_auc3, homography_auc10: the same by MAGSAC's homography. seedN_auc10: of each seed.
- median_px, median_deg, failed: of the structure matcher; what is infinite is left out.
- median_middle_px: error of the picture's middle alone; the map's own offset from the image is a part of it, since the
  maps of Banepa and Dhaka are drawn by hand, and so is what the matcher is off on average.
- gated_auc10, accepted, accepted_wrong: of what the gate lets through.
- points, needed_by_chance: how many were matched, and how many of them chance brings within 2.5 px of one transform no
  more than once in a thousand pictures (medians): the gate asks for as many.
- best_peer_auc10: the best of OpenCV's matchers, and of the learned ones, in the same run; `MATCHER/...` everything of
  each. `benchmarks/learned_peers.py` says what to put into the peers' folder.
- graph/...: everything of the published design, where its weights are named (`mlcore train matcher --design graph`);
  it is ours, and counts among no peers.
- matching_false: rate, the share of pairs of different ground that the gate lets through, and rate_high, its upper
  bound (Clopper-Pearson, one-sided, 95 %); log10_nfa_best, the nearest that one of them came to the gate's -3.
- matching_speed (of *full*): s_per_pair_compact and the peers' in the same run; ratio_to_best_learned_peer, how many
  times as long the fastest of the learned ones takes; missing where these ran without their own compiled operator.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from benchmarks.learned_peers import learned_peers
from mlcore.cli.evaluate_matching import Trials, joined, matcher_of
from mlcore.correspondences.classical import classical_names
from mlcore.evaluation.matching import THRESHOLDS_PX, Trial, bootstrap, curve, summary
from mlcore.suites.matching import PROTOCOLS, run_protocol, windows_of
from mlcore.suites.places import read_place
from mlcore.weights import MATCHER_FILE

PLACES = ("banepa", "austin", "dhaka")
OURS, GRAPH = "structure", "graph"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="work folder for the places' cleaned images")
    parser.add_argument("--weights", type=Path, default=MATCHER_FILE)
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--windows", type=int, default=24, help="of each place at most (24)")
    parser.add_argument("--seeds", type=int, default=3, help="of windows and warps (3)")
    parser.add_argument("--peers-folder", type=Path, help="packages of public learned matchers, to be measured as well")
    parser.add_argument("--graph-weights", type=Path, help="of the published design, to be measured as well")
    args = parser.parse_args()
    places = [read_place(cleaned(name, args.out)) for name in PLACES]
    learned, compiled = learned_peers(args.peers_folder) if args.peers_folder else ([], False)
    for protocol in args.protocols:
        peers = [*(matcher_of(name, protocol, None) for name in classical_names()), *learned]
        graph = [matcher_of(GRAPH, protocol, None, args.graph_weights)] if args.graph_weights else []
        matchers = [matcher_of(OURS, protocol, args.weights), *graph, *peers]
        trials: Trials = {}
        seeds = []
        for seed in range(args.seeds):
            found = run_protocol(protocol, matchers, windows_of(places, args.windows, seed), seed=seed)
            seeds.append(summary(_every(found[OURS]))["auc10"])
            trials = joined(trials, found)
        told = {name: _told(variants) for name, variants in trials.items()}
        print(protocol, {name: round(figures["auc10"], 1) for name, figures in told.items()}, flush=True)
        command = f"python benchmarks/matching.py --out WORK --protocols {protocol} --windows {args.windows}"
        command += f" --seeds {args.seeds}" + (" --peers-folder PEERS" if learned else "")
        command += " --graph-weights GRAPH" if graph else ""
        figures = _figures(protocol, told, trials)
        figures |= {f"seed{seed}_auc10": round(auc, 4) for seed, auc in enumerate(seeds)}
        write_result(f"matching_{protocol}", figures, seeds=list(range(args.seeds)), command=command)
        if protocol == "full":
            write_result(
                "matching_speed", _speed(told, [peer.name for peer in learned] if compiled else []), command=command
            )


def _speed(told: dict[str, dict[str, Any]], learned: list[str]) -> dict[str, float]:
    seconds = {name: figures["s_per_pair"] for name, figures in told.items()}
    figures = {f"{name}_s_per_pair": value for name, value in seconds.items() if name != OURS}
    figures["s_per_pair_compact"] = seconds[OURS]
    if learned:
        figures["ratio_to_best_learned_peer"] = min(seconds[name] for name in learned) / seconds[OURS]
    return {name: round(value, 4) for name, value in figures.items()}


def _every(variants: dict[str, list[Trial]]) -> list[Trial]:
    return [trial for trials in variants.values() for trial in trials]


def cleaned(name: str, work: Path) -> Path:
    """The place as `read_place` takes it; an image that is no clean COG yet is ingested into the work folder."""
    source, folder = data_folder() / name, work / "places" / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.suffix == ".geojson":
            (folder / path.name).write_bytes(path.read_bytes())
        elif path.suffix == ".tif" and not (folder / path.name).is_file():
            command = [sys.executable, "-m", "mlcore", "ingest", "raster", str(path), str(folder / path.name)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def _told(variants: dict[str, list[Trial]]) -> dict[str, Any]:
    every = _every(variants)
    told: dict[str, Any] = summary(every)
    for threshold in THRESHOLDS_PX:
        told[f"auc{threshold}_low"], told[f"auc{threshold}_high"] = bootstrap(every, threshold)
    for name, trials in variants.items():
        if len(variants) > 1:
            told |= {f"{name}/{key}": value for key, value in summary(trials).items()}
    for by, edges in (("turned_deg", (0, 15, 30, 60, 90, 108.1)), ("scale", (0.7, 0.85, 1.0, 1.15, 1.31))):
        told |= {f"by_{by}/{row['from']:g}-{row['to']:g}": row["auc"] for row in curve(every, by, edges)}
    return told


def _figures(protocol: str, told: dict[str, dict[str, Any]], trials: Trials) -> dict[str, float]:
    found: dict[str, float] = {}
    if protocol == "false":
        every = _every(trials[OURS])
        let = sum(trial.accepted for trial in every)
        found = {"rate": let / len(every), "rate_high": upper_bound(let, len(every)), "pairs": len(every)}
        found |= {key: told[OURS][key] for key in ("points", "needed_by_chance", "log10_nfa_best")}
    else:
        found = dict(told[OURS])
        found["best_peer_auc10"] = max(figures["auc10"] for name, figures in told.items() if name not in (OURS, GRAPH))
    found |= {f"{name}/{key}": value for name, figures in told.items() for key, value in figures.items()}
    return {key: round(float(value), 4) for key, value in found.items() if math.isfinite(value)}


def upper_bound(count: int, total: int, level: float = 0.95) -> float:
    """Of a share, with this confidence, by Clopper and Pearson."""
    from scipy.stats import beta

    return 1.0 if count == total else float(beta.ppf(level, count + 1, total - count))


if __name__ == "__main__":
    main()
