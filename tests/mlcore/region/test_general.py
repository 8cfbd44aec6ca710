"""The weights that ship with the library: the recipe runs from files, and what ships fits the preset it is for."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.cli import main
from mlcore.cli.pretrain import read_pictures
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.pretraining import Place, pretrain_consistency, synthetic_place
from mlcore.errors import InvalidInputError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import evidence_network
from mlcore.evidence.samples import background_samples
from mlcore.maps.index import MapIndex
from mlcore.region.config import RegionConfig
from mlcore.region.general import towns_of, train_general
from mlcore.region.model import RegionModel
from mlcore.region.shipped import shipped_model
from mlcore.region.training import Start, train_region
from mlcore.weights import GENERAL_FILE


def test_the_recipe_writes_weights_with_their_figures(tmp_path, capsys):
    synthetic_place(1, tmp_path)
    town = tmp_path / "town-102"
    fields = tmp_path / "fields"
    fields.mkdir()
    for number in range(2):
        picture = np.random.default_rng(number).integers(0, 255, (200, 256, 3), dtype=np.uint8)
        cv2.imwrite(str(fields / f"{number}.png"), picture)
    command = ["pretrain", "--preset", "tiny", "--towns", "1", "--background", str(fields), "--run"]
    command += [str(tmp_path / "run"), "--out", str(tmp_path / "weights.safetensors")]
    command += ["--place", str(town / "imagery.tif"), str(town / "map.osm")]
    assert main(command) == 0
    said = capsys.readouterr().out
    model = RegionModel.load(tmp_path / "weights.safetensors", sha256=said.split("sha256 ")[1].split()[0])
    assert model.config.consistency.input_px == 64
    assert "(32 tiles of 2 places)" in said
    figures = json.loads(said[: said.rindex("}") + 1])["town 201"]
    assert 0 <= figures["auroc_final"] <= 1
    assert 0 <= figures["building_f1"] <= 1


def test_a_folder_without_pictures_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(InvalidInputError, match="check --background"):
        read_pictures(tmp_path, 3)


def test_backgrounds_of_any_size_become_lonely_samples_without_buildings():
    pictures = [np.full((90, 300, 3), 7, np.uint8), np.zeros((256, 256, 3), np.uint8)]
    samples = background_samples(pictures, 256)
    assert [sample.image.shape for sample in samples] == [(256, 256, 3)] * 2
    assert not any(sample.ids.any() for sample in samples)
    assert abs(samples[0].tile.x - samples[1].tile.x) > 1


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


def test_a_general_model_scores_a_place_it_never_saw(tmp_path):
    first, second = synthetic_place(0, tmp_path), synthetic_place(1, tmp_path)
    real = Place("a", first.source, first.tiles)
    model = train_general([real], RegionConfig.preset("tiny"), run_dir=tmp_path / "run")
    assert not model.fold_by_tile
    model.save(tmp_path / "general.safetensors")
    again = RegionModel.load(tmp_path / "general.safetensors")
    tiles = second.tiles[:4]
    found = again.scan(second.source, tiles, evidence_path=tmp_path / "evidence.tif").results
    assert list(found) == tiles
    assert all(0 <= one.probability <= 1 and one.fold == -1 for one in found.values())
    assert _taught(model), "classifiers must be taught on the kept block"


def test_classifiers_are_taught_by_networks_that_do_not_know_the_place(tmp_path):
    towns = [synthetic_place(number, tmp_path) for number in range(2)]
    places = [Place(name, town.source, town.tiles[:9]) for name, town in zip("ab", towns, strict=True)]
    train_general(places, RegionConfig.preset("tiny"), run_dir=tmp_path / "run")
    whole, *strangers = [tmp_path / "run" / name / "evidence" for name in ("", "without-0", "without-1")]
    assert whole.is_dir()
    assert all(stranger.is_dir() for stranger in strangers)
    assert (tmp_path / "run" / "evidence-0.tif").is_file()


def test_patches_of_one_town_are_left_out_together_and_made_towns_never(tmp_path):
    first, second = synthetic_place(0, tmp_path), synthetic_place(1, tmp_path)
    patches = [Place(name, first.source, first.tiles[part]) for name, part in (("a", slice(8)), ("b", slice(8, 16)))]
    far = Place("c", second.source, second.tiles)
    assert towns_of([*patches, far, first]) == [0, 0, 2, 3]


def _taught(model: RegionModel) -> list[str]:
    fresh = ChangeClassifier().state_dict()
    now = model.folds[0].classifier.state_dict()
    return [f"classifier.{name}" for name in fresh if not torch.equal(fresh[name], now[name])]


def test_places_of_several_zooms_are_refused(tmp_path):
    town = synthetic_place(0, tmp_path)
    finer = Place("b", town.source, town.source.tiles(20)[:4])
    with pytest.raises(InvalidInputError, match="one zoom"):
        train_general([town, finer], RegionConfig.preset("tiny"), run_dir=tmp_path / "run")


def test_a_place_to_teach_on_must_be_one_that_is_learnt_from(tmp_path):
    town = synthetic_place(0, tmp_path)
    for wrong in ({"teach_on": [["there", town.name]]}, {"exact": ["there"]}):
        with pytest.raises(InvalidInputError, match="no place there among these"):
            train_general([town], RegionConfig.preset("tiny"), run_dir=tmp_path / "run", **wrong)


def test_an_evidence_network_of_another_architecture_is_not_kept(tmp_path):
    town = synthetic_place(0, tmp_path)
    other = replace(RegionConfig.preset("tiny").evidence, widths=(4, 8, 8, 8))
    with pytest.raises(InvalidInputError, match="another architecture: choose the preset"):
        train_general([town], RegionConfig.preset("tiny"), evidence=evidence_network(other), run_dir=tmp_path / "run")


def test_a_pre_trained_encoder_learns_from_places_of_several_zooms(tmp_path):
    """One stranger, half as long at school, is left without the places that teach the classifiers."""
    towns = [synthetic_place(number, tmp_path) for number in range(2)]
    places = [Place(name, town.source, town.tiles) for name, town in zip("ab", towns, strict=True)]
    places.append(Place("c", towns[0].source, towns[0].source.tiles(18)[:3], made=True))
    tiny = RegionConfig.preset("tiny")
    evidence = replace(tiny.evidence, encoder="efficientnet_lite0", encoder_weights="random", register_after=0.5)
    config = replace(tiny, evidence=evidence)
    kept = shipped_model().folds[0].consistency

    model = train_general(places, config, consistency=kept, teach_on=[["b"]], run_dir=tmp_path / "run")

    assert model.zoom == 19
    assert sorted(path.name for path in (tmp_path / "run").glob("without-*")) == ["without-1"]
    assert _taught(model)
    digest = model.save(tmp_path / "half.safetensors", half=True)
    again = RegionModel.load(tmp_path / "half.safetensors", sha256=digest)
    assert again.config.consistency == kept.config
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(again.folds[0].evidence(image), model.folds[0].evidence(image), atol=0.02)
    coarse = towns[1].source.tiles(18)[:2]
    found = again.scan(towns[1].source, coarse, evidence_path=tmp_path / "evidence.tif").results
    assert list(found) == coarse


def test_what_ships_fits_the_networks_of_regions_and_no_other():
    model = shipped_model()
    assert model is not None
    assert GENERAL_FILE.stat().st_size <= 20_000_000
    for preset in ("compact", "quick"):
        start = Start.of(model, RegionConfig.preset(preset))
        assert start.evidence is model.folds[0].evidence.tuned
        assert start.consistency is not None
    assert Start.of(model, RegionConfig.preset("tiny")) == Start()
    before = RegionConfig.from_dict({**RegionConfig().to_dict(), "evidence": EvidenceConfig().to_dict()})
    assert Start.of(model, before).evidence is None


@pytest.mark.slow
def test_a_region_tunes_a_start_with_a_pre_trained_encoder(tmp_path):
    tiny = RegionConfig.preset("tiny")
    evidence = replace(
        tiny.evidence, encoder="efficientnet_lite0", encoder_weights="random", tuning_epochs=1, steps_per_epoch=2
    )
    config = replace(tiny, evidence=evidence)
    towns = [synthetic_place(number, tmp_path) for number in range(2)]
    start = train_general([Place("a", towns[0].source, towns[0].tiles[:9])], config, run_dir=tmp_path / "general")
    assert Start.of(start, config).evidence is start.folds[0].evidence.tuned
    assert Start.of(start, tiny).evidence is None

    source, tiles = towns[1].source, towns[1].tiles
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    tuned = train_region(source, tiles, anchors, config, initial=start, run_dir=tmp_path / "region")

    before = start.folds[0].evidence.tuned.state_dict()
    after = tuned.folds[0].evidence.tuned.state_dict()
    assert torch.equal(before["encoder.stem.0.weight"], after["encoder.stem.0.weight"])
    kept = tuned.metrics["tuned_share"] == 0  # what was learnt in a few steps need not be better than the start
    assert torch.equal(before["head.weight"], after["head.weight"]) == kept


@pytest.mark.slow
def test_a_region_is_trained_from_what_ships(tmp_path):
    town = synthetic_place(0, tmp_path)
    compact = RegionConfig.preset("compact", folds=2, rounds=1, least_edits=0)
    brief = {"steps_per_epoch": 1, "tuning_contrastive_epochs": 1, "tuning_matching_epochs": 1}
    config = replace(
        compact, evidence=replace(compact.evidence, tuning_epochs=1, steps_per_epoch=2, batch=2),
        consistency=replace(compact.consistency, **brief),
    )  # fmt: skip

    tuned = train_region(town.source, town.tiles, {}, config, run_dir=tmp_path / "region")

    before, after = (one.folds[0].evidence.tuned.state_dict() for one in (shipped_model(), tuned))
    assert torch.equal(before["encoder.stem.0.weight"], after["encoder.stem.0.weight"])
    kept = tuned.metrics["tuned_share"] == 0  # two steps need not be better than the start
    assert torch.equal(before["head.weight"], after["head.weight"]) == kept
    found = tuned.scan(town.source, town.tiles[:2], evidence_path=tmp_path / "evidence.tif")
    assert list(found.results) == town.tiles[:2]
