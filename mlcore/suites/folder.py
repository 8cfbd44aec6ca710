"""The suite of a data set on disk: learnt on its training split, measured on its test split."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from mlcore.consistency.pretraining import Place
from mlcore.errors import InvalidInputError
from mlcore.evaluation.pairs import CHANGED, UNDECIDED, UNTOUCHED, MapEdition, PairSet, protocol_set, single_set
from mlcore.evaluation.readers.crops import Crop
from mlcore.evaluation.readers.layouts import DataSet, read_layout
from mlcore.evaluation.readers.mosaic import Mosaic, lay_out
from mlcore.suites.suites import PAIRS_SEED, Source, Suite
from mlcore.suites.task import Task
from mlcore.synthetic.edits import EditedMap
from mlcore.synthetic.truth import CHANGED_SHARE

LEARNT, MEASURED = ("train", "val"), "test"
MAX_LEARNT = 4000  # crops that are held in memory while learning; of more, every second, third, ... is taken


def folder_suite(path: Path, source: Source) -> Suite:
    """Crops of the training and validation splits are learnt from; those of the test split are measured.

    Crops are laid out as tiles of a made-up place with a blank tile between any two, so that every method of the
    library works on them as on a region. Where the data set has masks of real changes, they are a set of pairs too, and
    crops that changed are not learnt from.
    """
    data = read_layout(path)
    usable, measured = sum(1 for _ in unchanged(data)), sum(1 for _ in data.crops(MEASURED))
    if not usable or not measured:
        raise InvalidInputError(f"{path} has no crops to learn from or none to measure on: check its split lists")
    step = -(-usable // MAX_LEARNT)
    learnt = len(range(0, usable, step))
    work = source.work / "folder"
    training = lay_out(islice(unchanged(data), 0, None, step), learnt, work / "train")
    # The test split lies elsewhere on the grid, so that no address is used twice.
    test = lay_out(data.crops(MEASURED), measured, work / "test", columns_from=training.columns_to)
    places = [Place(name, one.source, one.tiles) for name, one in ((f"{path.name} train", training), (path.name, test))]
    task = Task(path.name, places[1], (places[0],), within=False)

    def pairs(place: Place) -> dict[str, PairSet]:
        index, tiles = place.source.index, place.tiles
        sets = {
            "protocol": protocol_set(index, tiles, source.rounds, PAIRS_SEED),
            "single": single_set(index, tiles, source.rounds, PAIRS_SEED),
        }
        return sets | ({"real": real_set(test)} if data.has_changes else {})

    headline = (
        f"{data.layout} on disk: {learnt} of {usable} crops to learn from, {measured} to measure on. {data.notes}"
    )
    return Suite(f"folder:{path.name}", headline, (task,), pairs)


def unchanged(data: DataSet) -> Iterator[Crop]:
    """Crops of the training and validation splits that no mask says to have changed."""
    return (crop for split in LEARNT for crop in data.crops(split) if not crop.changed_share)


def real_set(mosaic: Mosaic) -> PairSet:
    """Pairs of the data set's own: each crop with the older map, changed where the change mask says so."""
    shares = [mosaic.changed_shares[tile] for tile in mosaic.tiles]
    share = np.array([np.nan if one is None else one for one in shares])
    state = np.where(share >= CHANGED_SHARE, CHANGED, np.where(share > 0, UNDECIDED, UNTOUCHED))
    state[np.isnan(share)] = UNDECIDED
    kind = np.where(state == CHANGED, "real", "").astype(object)
    features = list(mosaic.source.index)
    return PairSet(
        "real", tuple(mosaic.tiles), (MapEdition(EditedMap(features, []), state, np.nan_to_num(share), kind),)
    )
