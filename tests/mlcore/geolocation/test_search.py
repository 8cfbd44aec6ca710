"""Search: all bases in blocks give what one by one gives, and the index proposes, filters and keeps up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.errors import FeatureDatabaseError, OtherModelError
from mlcore.geolocation import search
from mlcore.geolocation.database import DatabaseSettings, FeatureDatabase
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.search import compare_all, compare_proposed, propose
from mlcore.geolocation.upkeep import build, compact, remove
from tests.mlcore.geolocation.grounds import texture
from tests.mlcore.geolocation.stand_in import StandIn
from tests.mlcore.geolocation.test_database import MadeBases

SETTINGS = DatabaseSettings(cells=2, shard_bases=7, compact_bases=16)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> FeatureDatabase:
    return build(MadeBases(40), StandIn(), tmp_path_factory.mktemp("search") / "db", settings=SETTINGS)


def query(seed: int) -> np.ndarray:
    return texture(seed, 128, 128)[:96, 20:]


def vectors(count: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1, 3, 256])
def test_all_bases_in_blocks_rank_as_one_by_one(
    built: FeatureDatabase, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BLOCK_BASES", block)
    model = StandIn()
    wanted = model.features(query(17), np.ones((96, 108), bool), role="query")

    found = compare_all(model, built, wanted, 12)

    single = {int(n): model.compare(wanted, built.features(int(n))).score for n in built.numbers}
    expected = sorted(single, key=lambda number: (-single[number], number))[:12]
    assert list(found.numbers) == expected
    assert np.allclose(found.scores, [single[number] for number in expected], atol=1e-6)
    assert built.base(int(found.numbers[0])).name == "made/17"
    some = built.numbers[::3]
    among = compare_all(model, built, wanted, 5, some)
    assert list(among.numbers) == sorted(some, key=lambda number: (-single[int(number)], number))[:5]


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivfpq"])
def test_every_kind_of_index_finds_the_same_vector(kind: str) -> None:
    descriptors = vectors(600)
    index = DescriptorIndex.of(descriptors, np.arange(600), kind=kind)
    found = [index.propose(descriptors[number], 10).numbers for number in range(0, 600, 60)]
    assert all(number in one for number, one in zip(range(0, 600, 60), found, strict=True))
    assert all(len(set(one)) == 10 for one in found)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivfpq"])
def test_what_may_not_be_proposed_pushes_out_nothing(kind: str) -> None:
    descriptors = vectors(400)
    index = DescriptorIndex.of(descriptors, np.arange(400), kind=kind)
    among = np.sort(np.random.default_rng(1).permutation(400)[:60])
    exact = among[np.argsort(-(descriptors[among] @ descriptors[7]), kind="stable")]
    found = index.propose(descriptors[7], 20, among)
    assert set(found.numbers) <= set(among) and len(found.numbers) == 20
    if kind == "flat":
        assert list(found.numbers) == list(exact[:20])
    assert not len(index.propose(descriptors[7], 20, among[:0]).numbers)


def test_a_base_with_several_descriptors_is_proposed_once() -> None:
    descriptors = np.repeat(vectors(50), 6, axis=0)
    index = DescriptorIndex.of(descriptors, np.repeat(np.arange(50), 6), kind="flat")
    found = index.propose(descriptors[0], 20)
    assert len(set(found.numbers)) == 20 and found.numbers[0] == 0
    assert (np.diff(found.likeness) <= 1e-6).all()
    assert len(index.propose(descriptors[0], 500).numbers) == 50


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivfpq"])
def test_two_levels_that_propose_all_rank_as_one_level(built: FeatureDatabase, kind: str) -> None:
    model, index = StandIn(), DescriptorIndex.update(built, kind=kind)
    wanted = model.features(query(9), np.ones((96, 108), bool), role="query")
    one, two = compare_all(model, built, wanted, 8), compare_proposed(model, built, index, wanted, 8, 40)
    if kind != "ivfpq":  # which reads only some of its lists
        assert list(one.numbers) == list(two.numbers) and np.allclose(one.scores, two.scores)
    assert two.numbers[0] == one.numbers[0]
    some = built.numbers[1::2]
    only = compare_proposed(model, built, index, wanted, 8, 40, some)
    assert set(only.numbers) <= set(some) and len(only.numbers)


def test_the_index_keeps_up_with_its_database(tmp_path: Path) -> None:
    folder, model = tmp_path / "db", StandIn()
    first = build(MadeBases(20), model, folder, settings=SETTINGS)
    with pytest.raises(FeatureDatabaseError, match="--index"):
        DescriptorIndex.open(first)
    DescriptorIndex.update(first)
    more = build(MadeBases(26), model, folder)
    wanted = model.features(query(24), np.ones((96, 108), bool), role="query")

    stale = DescriptorIndex.open(more)
    assert more.base(int(compare_proposed(model, more, stale, wanted, 3, 5).numbers[0])).name == "made/24"
    fresh = DescriptorIndex.update(more)
    assert fresh.index.ntotal == 26 * 5 and fresh.next_number == more.next_number
    assert "made/24" in [more.base(int(n)).name for n in propose(fresh, wanted, 5).numbers]

    left = remove(folder, ["made/24"])
    found = compare_proposed(model, left, DescriptorIndex.open(left), wanted, 26, 26)
    assert "made/24" not in [left.base(int(n)).name for n in found.numbers] and len(found.numbers) == 25
    fewer = remove(folder, [f"made/{number}" for number in range(10)])
    compact(folder)
    build(MadeBases(27), model, folder)
    rebuilt = DescriptorIndex.update(FeatureDatabase.open(folder))
    assert len(fewer) == 15 and rebuilt.index.ntotal == 27 * 5


def test_a_damaged_index_or_another_models_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    database = build(MadeBases(8), StandIn(), folder, settings=SETTINGS)
    DescriptorIndex.update(database)
    (file,) = (folder / "index").glob("*/descriptors.faiss")
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    with pytest.raises(FeatureDatabaseError, match="missing or damaged"):
        DescriptorIndex.open(database)
    file.write_bytes(b"\0" * len(whole))
    with pytest.raises(FeatureDatabaseError, match="damaged"):
        DescriptorIndex.open(database)
    assert DescriptorIndex.update(database).index.ntotal == 40
    about = folder / "index" / "index.json"
    about.write_text(about.read_text().replace("a" * 64, "b" * 64))
    with pytest.raises(OtherModelError, match="of another model"):
        DescriptorIndex.open(database)
