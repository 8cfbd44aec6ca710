"""`mlcore search` for words holds them against the tiles that are there, as the application does."""

from __future__ import annotations

import json

import pytest

from mlcore.cli import main
from tests.mlcore.source_makers import real_data

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The tiles of a real town that nobody named to the model."""
    folder = tmp_path_factory.mktemp("words") / "store"
    image = real_data("banepa") / "banepa.tif"
    assert main(["embed", str(folder), "--imagery", str(image), "--zoom", "19", "--quiet"]) == 0
    return folder


@pytest.mark.parametrize("text", ["a road", "parked cars", "farmland fields", "dense houses", "bare soil"])
def test_what_is_there_is_found(store, capsys, text):
    assert main(["search", str(store), text, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["meant"] and told["results"] and {one["modality"] for one in told["results"]} == {"aerial"}


@pytest.mark.parametrize("text", ["a desert", "a motorway", "who won the election", "qwrtz plkj"])
def test_what_is_elsewhere_or_means_nothing_finds_nothing(store, capsys, text):
    assert main(["search", str(store), text, "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["results"] == []
    assert main(["search", str(store), text, "--json", "--anything"]) == 1
    assert len(json.loads(capsys.readouterr().out.splitlines()[-1])["results"]) == 10
