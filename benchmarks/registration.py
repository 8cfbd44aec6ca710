"""Registration of image and map: how far off a tile's estimated shift is, and whether its confidence can be believed.

    python benchmarks/registration.py [--rounds 6] [--seed 1]

Evidence is made from true footprints of Banepa, Zanzibar, Nairobi and a made town and spoiled in four degrees
(buildings missed and invented, walls soft and noisy, each building 0.3 to 0.8 m off); the map of every tile is then
moved by 0 to 8 m in any direction and has to be brought back. Of every fourth trial the map is another tile's, so that
there is nothing to find. Tiles with too little building to measure answer nothing.

* `PLACE/answered_share`: tiles that named a shift; the other figures are about these.
* `PLACE/spoiled_LEVEL_median_error_m`, `.../right_share`: by degree; right = within 0.75 m.
* `PLACE/shift_METRES_...`: the same by the length of the true shift.
* `PLACE/sure_...`: tiles with a confidence of 0.8 or more.
* `PLACE/confidence_calibration_error`: expected gap between confidence and share of right ones, over ten bins. Its
  coefficients were learnt on the three real places with seed 5; the made town and other seeds test them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.evaluation.registration import registration_figures, trials
from mlcore.geometry.webmercator import TileAddress, tiles_covering
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.synthetic.town import TownConfig, generate_town

ZOOM = 19
REAL = ("banepa", "zanzibar", "nairobi")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6, help="trials per tile (6)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    for name, (index, tiles) in places().items():
        done = list(trials(index, tiles, rounds=args.rounds, seed=args.seed))
        figures |= {f"{name}/{key}": value for key, value in registration_figures(done).items()}
    write_result("registration", figures, seeds=[args.seed])


def places() -> dict[str, tuple[MapIndex, list[TileAddress]]]:
    """Footprints and tiles of the real places that are there, and of a made town."""
    town = generate_town(TownConfig(seed=11, columns=6, rows=6, changed_share=0.0, error_share=0.0))
    found = {"town": (MapIndex(town.features), list(town.tiles))}
    for name in REAL:
        folder = data_folder() / name
        if not folder.is_dir():
            print(f"{name} is left out: there is no {folder}", file=sys.stderr)
            continue
        index = MapIndex(read_map(folder / "buildings.geojson").features)
        area = folder / "mapped_area.geojson"
        if area.is_file():
            tiles = list(tiles_covering(read_area(area).buffer(-1e-5), ZOOM))
        else:
            points = [building.geometry.centroid.buffer(1e-7) for building in index.buildings]
            tiles = sorted({tile for point in points for tile in tiles_covering(point, ZOOM)})
        found[name] = index, tiles
    return found


if __name__ == "__main__":
    main()
