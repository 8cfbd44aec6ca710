"""`mlcore embed` and `mlcore search`: tiles, photos and a map in one folder, found again, exported; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mlcore.cli import main
from mlcore.imagery.raster import open_image
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.model import LandmarkModel
from mlcore.vectors import VectorStore
from tests.mlcore.geolocation.grounds import texture
from tests.mlcore.source_makers import grid_tiff

OSM = """<osm version="0.6"><node id="1" lat="27.63" lon="85.52"><tag k="tourism" v="viewpoint"/></node>
<node id="2" lat="27.64" lon="85.52"/><node id="3" lat="27.641" lon="85.52"/><node id="4" lat="27.641" lon="85.521"/>
<way id="9"><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="2"/><tag k="building" v="temple"/>
<tag k="name" v="Old Temple"/></way></osm>"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "landmarks.safetensors"
    LandmarkModel(LandmarkConfig.preset("tiny")).save(path, {"floors": {"text": -1.0, "gps": 1.01}})
    return path


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """image.tif of 4 tiles of zoom 20, photos/, map.osm."""
    grid_tiff(tmp_path / "image.tif")
    (tmp_path / "photos").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), texture(number, 80, 120))
    (tmp_path / "map.osm").write_text(OSM)
    return tmp_path


def embed(ground: Path, weights: Path, *more: str) -> list[str]:
    return [
        "embed", str(ground / "store"), "--imagery", str(ground / "image.tif"), "--zoom", "20", "--photos",
        str(ground / "photos"), "--map", str(ground / "map.osm"), "--weights", str(weights), "--quiet", "--json", *more,
    ]  # fmt: skip


def told(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_what_was_embedded_is_found_by_photo_position_and_words(ground, weights, capsys):
    assert main(embed(ground, weights)) == 0
    assert told(capsys)["embedded"] == 4 + 3 + 2
    store, search = str(ground / "store"), ["--weights", str(weights), "--json"]
    assert main(["search", store, str(ground / "photos" / "1.png"), "--count", "3", *search]) == 0
    found = told(capsys)
    assert found["kind"] == "ground" and found["results"][0]["name"] == "photos/1.png"
    assert found["results"][0]["likeness"] == pytest.approx(1, abs=1e-3) and found["results"][0]["lon"] is None
    assert main(["search", store, "27.63, 85.52", "--among", "aerial", "--anything", *search]) == 1
    found = told(capsys)
    assert found["kind"] == "gps" and {one["modality"] for one in found["results"]} == {"aerial"}
    tile = found["results"][0]["name"].split("/")
    assert tile[:2] == ["image", "20"] and isinstance(found["results"][0]["lon"], float)
    assert main(["search", store, "temple called Old Temple", *search]) == 0
    found = told(capsys)
    assert found["kind"] == "text" and found["results"][0]["name"] == "map/way/9"


def test_a_query_that_means_nothing_finds_nothing(ground, weights, capsys):
    main(embed(ground, weights))
    asked = ["search", str(ground / "store"), "10.5, 20.5", "--weights", str(weights)]
    capsys.readouterr()
    assert main(asked) == 1
    assert "nothing found" in capsys.readouterr().out
    assert main([*asked, "--anything", "--json"]) == 1
    found = told(capsys)
    assert not found["meant"] and len(found["results"]) == 9


def test_a_second_run_embeds_what_is_new_or_changed_alone(ground, weights, capsys):
    main(embed(ground, weights))
    cv2.imwrite(str(ground / "photos" / "1.png"), texture(50, 80, 121))
    cv2.imwrite(str(ground / "photos" / "3.png"), texture(51, 80, 121))
    (ground / "photos" / "0.png").unlink()
    capsys.readouterr()
    assert main(embed(ground, weights, "--prune")) == 0
    said = told(capsys)
    assert (said["embedded"], said["dropped"], said["vectors"]) == (2, 1, 9)
    search = ["search", str(ground / "store"), str(ground / "photos" / "1.png"), "--weights", str(weights), "--json"]
    assert main(search) == 0
    assert told(capsys)["results"][0]["name"] == "photos/1.png"


def test_a_run_that_was_killed_after_it_noted_items_embeds_them_the_next_time(ground, weights, capsys):
    main(embed(ground, weights))
    VectorStore.open(ground / "store" / "vectors").remove([1, 2, 5])
    capsys.readouterr()
    assert main(embed(ground, weights)) == 0
    said = told(capsys)
    assert (said["embedded"], said["vectors"]) == (3, 9)


def test_vectors_leave_as_npz_and_parquet_with_what_they_are_of(ground, weights, capsys):
    main(embed(ground, weights, "--export", str(ground / "all.npz")))
    with np.load(ground / "all.npz") as found:
        assert found["embeddings"].shape == (9, 16) and found["embeddings"].dtype == np.float32
        assert sorted(found["modality"].tolist()) == ["aerial"] * 4 + ["ground"] * 3 + ["text"] * 2
        assert np.isnan(found["lon"]).sum() == 3 and len(found["ids"]) == 9
        store = VectorStore.open(ground / "store" / "vectors")
        assert np.array_equal(found["embeddings"], store.vectors_of(found["ids"]))
    pq = pytest.importorskip("pyarrow.parquet")
    assert main(embed(ground, weights, "--export", str(ground / "all.parquet"))) == 0
    table = pq.read_table(ground / "all.parquet")
    assert table.num_rows == 9 and table.column_names == ["id", "name", "modality", "lon", "lat", "embedding"]
    assert table.column("lon").null_count == 3
    kept = np.array(table.column("embedding").to_pylist(), np.float32)
    assert np.array_equal(kept, store.vectors_of(np.array(table.column("id").to_pylist())))
    assert table.schema.metadata[b"model"].decode() == store.model


def test_the_tiles_found_are_those_of_the_image(ground, weights):
    main(embed(ground, weights))
    from mlcore.landmarks.catalogue import Catalogue

    catalogue = Catalogue(ground / "store")
    tiles = [item for item in catalogue.items(catalogue.store.ids) if item.modality == "aerial"]
    west, south, east, north = open_image(ground / "image.tif").bounds_lonlat
    assert all(west < item.lonlat[0] < east and south < item.lonlat[1] < north for item in tiles)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "{0}/none", "words"], "begin with embed"),
        (["search", "{0}/store", "{0}/gone.png"], "check the path"),
        (["search", "{0}/store", "95.0, 190.0"], "nowhere on Earth"),
        (["search", "{0}/store", "   "], ""),
        (["search", "{0}/store", "words", "--count", "0"], "1 or more"),
        (["embed", "{0}/store", "--imagery", "{0}/photos/0.png"], ""),
        (["embed", "{0}/store", "--export", "{0}/x.csv"], ".parquet or .npz"),
        (["embed", "{0}/photos", "--photos", "{0}/photos/none"], "check the path"),
    ],
)
def test_what_cant_be_used_is_told_with_the_remedy(ground, weights, capsys, arguments, said):
    main(embed(ground, weights))
    capsys.readouterr()
    assert main([*(one.format(ground) for one in arguments), "--weights", str(weights)]) == 1
    assert said in capsys.readouterr().err


def test_a_folder_of_another_model_is_refused(ground, weights, capsys, tmp_path):
    main(embed(ground, weights))
    torch.manual_seed(1)
    other = tmp_path / "other.safetensors"
    LandmarkModel(LandmarkConfig.preset("tiny")).save(other)
    assert main(["search", str(ground / "store"), "words", "--weights", str(other)]) == 1
    assert "other_model" in capsys.readouterr().err
