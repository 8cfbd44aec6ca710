"""How well words, tiles and positions find each other with the weights that ship, on what was never learnt.

    python benchmarks/landmarks.py [--weights FILE] [--out FOLDER]

Writes benchmarks/results/landmarks.json; every direction, baseline and interval goes to landmarks.json and landmarks.md
in `--out`, and the written queries' finds to queries-*.jpg there, to be looked at.

Held-out photos: UC Merced's pictures 80 to 99 of each class, a third of the classes never learnt, with sentences made
of the class and of what is measured on the picture. A query finds the right class where the first of all held-out
pictures is of the class that its sentence was made for. Regions: tiles of real places, a block of neighbours never
learnt; texts are what the map says of a tile.

Figures: text_to_class_seen, text_to_class_unseen, the share of such sentences, of classes that were learnt and that
were not; chance, of the right class; text_to_aerial_r1, aerial_to_text_r1, the very picture or one of its own sentences
first, and chance_r1 of that; aerial_map_same_class, mAP of a picture finding its class; untrained_..., keywords_...,
towers_..., the same of heads before training, of words of the likest learnt pictures, of the frozen tower alone;
PLACE_gps_to_aerial_seen_r10, ..._held_out_r10, a position finds its tile among the place's, and _ratio against a tile
drawn by chance. Behind these, every direction: PART_DIRECTION_METHOD_FIGURE with _low and _high, 95 % by class, photo
or tile, and PART_DIRECTION_chance_FIGURE (methods: landmarks, untrained, towers, keywords).

PART_words_kept_..., ..._refused_..., names of what is there that find something, and of what is not there that find
nothing: of the photos a class and classes like it are left out of the gallery; of Banepa the words stand in
mlcore/suites/landmarks_words.py. By rule: `floor`, below which a text means nothing, alone; `yardstick`, everyday words
as well (mlcore/landmarks/yardstick.py). The photos' part chose
no threshold; how many everyday words a text must outdo was settled with an earlier list of Banepa in sight. Takes 2
minutes on a free core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import data_folder, write_result
from mlcore.cli.landmark_model import load_landmarks
from mlcore.cli.progress_bar import BarProgress
from mlcore.evaluation.landmarks.report import markdown
from mlcore.suites.landmarks import headline, run_suite, standard_suite, with_intervals, write_told
from mlcore.suites.landmarks_queries import try_queries

SEED = 0


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="of the model (default: those that ship)")
    parser.add_argument("--out", type=Path, help="folder of everything that was measured")
    args = parser.parse_args()
    model, suite = load_landmarks(args.weights), standard_suite(data_folder())
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, BarProgress("landmarks") as progress:
        out = args.out or Path(scratch)
        out.mkdir(parents=True, exist_ok=True)
        told = {"suite": run_suite(model, suite, seed=SEED, progress=progress)}
        told["queries"] = try_queries(model, suite, out)
        write_told(told, out)
        (out / "landmarks.md").write_text(markdown(told), encoding="utf-8")
    figures = headline(told["suite"]) | with_intervals(told["suite"]) | {"seconds": time.perf_counter() - start}
    meant = [one["meant"] for one in told["queries"] if one["where"] != "nonsense"]
    nonsense = [one["meant"] for one in told["queries"] if one["where"] == "nonsense"]
    figures |= {"queries_found": sum(meant) / len(meant), "nonsense_refused": 1 - sum(nonsense) / len(nonsense)}
    write_result("landmarks", {name: round(value, 4) for name, value in figures.items()}, seeds=[SEED])
    return 0


if __name__ == "__main__":
    sys.exit(main())
