"""Draws docs/tile.webp, the picture of a tile that the methods' READMEs show: a made town, and the model that ships.

python benchmarks/tile_picture.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import ROOT
from mlcore.evaluation.tile_picture import draw_tile
from mlcore.evidence.picture import EvidenceReader
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.shipped import shipped_model
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town

SEED, COLUMNS, ROWS, SHOWN = 11, 4, 3, 4


def main() -> int:
    """Make the town, scan it, and draw the tile that is doubted most with its surest candidates."""
    model = shipped_model()
    if model is None:
        print("the weights of mlcore/weights are not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        town = generate_town(TownConfig(columns=COLUMNS, rows=ROWS, seed=SEED))
        files = write_town(town, Path(folder) / "town")
        ingest_raster(files / "imagery.tif", files / "image.tif")
        source = PairSource(open_image(files / "image.tif"), MapIndex(town.features))
        path = Path(folder) / "evidence.tif"
        found = model.scan(source, source.tiles(model.zoom), evidence_path=path)
        tile = min(found.results, key=lambda one: found.results[one].probability)
        here = [one for one in found.candidates if one.tile == tile]
        draw_tile(ROOT / "docs" / "tile.webp", source, EvidenceReader(path, model.zoom), tile, here[:SHOWN])
    return 0


if __name__ == "__main__":
    sys.exit(main())
