"""The weights that ship with the library: the recipe runs from files, and what ships fits the preset it is for."""

import json

import pytest

from mlcore.cli import main
from mlcore.consistency.config import ConsistencyConfig
from mlcore.errors import InvalidInputError
from mlcore.tiles.index import MapIndex
from mlcore.training.consistency import load_consistency
from mlcore.training.pretraining import Place, initial_consistency, pretrain_consistency, synthetic_place
from mlcore.weights import CONSISTENCY_FILE


def test_the_recipe_writes_weights_with_their_figures(tmp_path, capsys):
    synthetic_place(1, tmp_path)
    town = tmp_path / "town-102"
    command = ["pretrain", "consistency", "--preset", "tiny", "--towns", "1", "--steps", "1", "--run"]
    command += [str(tmp_path / "run"), "--out", str(tmp_path / "weights.safetensors")]
    command += ["--contrastive-epochs", "1", "--matching-epochs", "1"]
    command += ["--place", str(town / "imagery.tif"), str(town / "map.osm")]
    assert main(command) == 0
    said = capsys.readouterr().out
    model = load_consistency(tmp_path / "weights.safetensors", sha256=said.split("sha256 ")[1].split()[0])
    assert model.config.input_px == 64
    assert "(32 tiles of 2 places)" in said
    assert 0 <= json.loads(said[: said.rindex("}") + 1])["town 201"]["auroc_final"] <= 1


def test_towns_differ_in_place_and_look(tmp_path):
    first, second = synthetic_place(0, tmp_path), synthetic_place(1, tmp_path)
    assert not set(first.tiles) & set(second.tiles)
    pictures = [place.source.pair(place.tiles[5]).image for place in (first, second)]
    assert (pictures[0] != pictures[1]).any()


def test_a_place_without_buildings_teaches_nothing(tmp_path):
    town = synthetic_place(0, tmp_path)
    empty = Place("empty", town.source.with_index(MapIndex([])), town.tiles)
    with pytest.raises(InvalidInputError, match="no building"):
        pretrain_consistency([empty], [], ConsistencyConfig.preset("tiny"), run_dir=tmp_path / "run")


def test_what_ships_fits_the_compact_network_and_no_other():
    assert CONSISTENCY_FILE.stat().st_size <= 5_000_000
    model = initial_consistency(ConsistencyConfig.preset("compact"))
    assert model is not None
    assert not model.training
    assert initial_consistency(ConsistencyConfig.preset("tiny")) is None
