"""The feature database: whole or not at all, incremental, bound to its model, and damage is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from mlcore.errors import FeatureDatabaseError, OtherModelError, StoppedError
from mlcore.geolocation.bases import Base
from mlcore.geolocation.database import DatabaseSettings, FeatureDatabase
from mlcore.geolocation.extraction import cell_windows
from mlcore.geolocation.upkeep import build, compact, remove, repair
from tests.mlcore.geolocation.grounds import texture
from tests.mlcore.geolocation.stand_in import StandIn

SMALL = DatabaseSettings(shard_bases=4, compact_bases=8)


class MadeBases:
    """So many made bases; every fifth is smaller, and one may be changed or blank."""

    def __init__(
        self, count: int, *, changed: frozenset[int] = frozenset(), blank: frozenset[int] = frozenset()
    ) -> None:
        self.count, self.changed, self.blank = count, changed, blank

    def __iter__(self) -> Iterator[Base]:
        for number in range(self.count):
            side = 128 if number % 5 else 96
            place = None if number % 7 == 3 else Affine(0.5, 0, 64.0 * number, 0, -0.5, 0)
            yield Base(f"made/{number}", place, side, side, "new" if number in self.changed else "old")

    def __len__(self) -> int:
        return self.count

    def read(self, base: Base) -> tuple[np.ndarray, np.ndarray]:
        number = int(base.name.split("/")[1])
        seed = number + 1000 * (number in self.changed)
        rgb = texture(seed, base.height, base.width)
        return rgb, np.full(rgb.shape[:2], number not in self.blank)


class StopsAfter:
    """Progress that asks to stop once so many bases are done."""

    def __init__(self, count: int) -> None:
        self.left = count

    def report(self, fraction: float, message: str = "", figures: object = None) -> None:
        self.left -= 1

    def should_stop(self) -> bool:
        return self.left <= 0


def content(database: FeatureDatabase) -> dict[str, tuple[bytes, bytes, bytes]]:
    found = {}
    for number in database.numbers:
        one = database.features(int(number))
        found[database.base(int(number)).name] = (one.coarse.tobytes(), one.valid.tobytes(), one.descriptor.tobytes())
    return found


def test_features_come_back_as_the_model_gave_them(tmp_path: Path) -> None:
    source, model = MadeBases(12), StandIn()
    database = FeatureDatabase.build(source, model, tmp_path / "db", settings=SMALL)

    assert database.bases == list(source) and len(database) == 12
    for number, base in zip(database.numbers, source, strict=True):
        expected = model.features(*source.read(base), role="base")
        found = database.features(int(number))
        assert np.array_equal(found.coarse, expected.coarse.astype(np.float16))
        assert np.array_equal(found.valid, expected.valid) and found.scale == expected.scale
        assert np.array_equal(found.descriptor, expected.descriptor)
    blocks = list(database.blocks(3))
    assert sorted(np.concatenate([block.numbers for block in blocks])) == list(database.numbers)
    assert all(block.tokens.shape[:3] == block.valid.shape and len(block.numbers) <= 3 for block in blocks)


def test_what_is_there_is_kept_and_what_changed_is_replaced(tmp_path: Path) -> None:
    folder, model = tmp_path / "db", StandIn()
    before = content(build(MadeBases(9), model, folder, settings=SMALL))
    model.seen.clear()

    database = build(MadeBases(11, changed=frozenset({2})), model, folder)

    assert len(model.seen) == 3 and len(database) == 11
    assert database.changes.added == ["made/9", "made/10"] and database.changes.replaced == ["made/2"]
    after = content(database)
    assert {name for name in before if before[name] != after[name]} == {"made/2"}
    assert content(FeatureDatabase.open(folder)) == after

    pruned = build(MadeBases(5, changed=frozenset({2})), model, folder, prune=True)
    assert sorted(pruned.names) == [f"made/{number}" for number in range(5)]


def test_a_base_without_a_valid_pixel_is_left_out_and_goes_where_it_lost_them(tmp_path: Path) -> None:
    database = build(MadeBases(4, blank=frozenset({1})), StandIn(), tmp_path / "db", settings=SMALL)
    assert database.changes.empty == ["made/1"] and len(database) == 3
    gone = build(MadeBases(4, changed=frozenset({2}), blank=frozenset({1, 2})), StandIn(), tmp_path / "db")
    assert sorted(gone.names) == ["made/0", "made/3"]


def test_removed_bases_are_gone_and_their_numbers_never_come_back(tmp_path: Path) -> None:
    folder, model = tmp_path / "db", StandIn()
    database = build(MadeBases(10), model, folder, settings=SMALL)
    last = int(database.numbers.max())

    left = remove(folder, ["made/9", "made/0"])
    assert len(left) == 8 and "made/9" not in left.names
    assert all(left.base(int(n)).name != "made/9" for block in left.blocks() for n in block.numbers)
    with pytest.raises(FeatureDatabaseError, match="no base 'made/9'"):
        remove(folder, ["made/9"])
    compacted = compact(folder)
    again = build(MadeBases(10), model, folder)

    assert content(compacted) == content(left)
    assert again.changes.added == ["made/0", "made/9"] and int(again.numbers.max()) > last + 1
    assert int(again.numbers[again.names.index("made/9")]) > last


def test_compacting_gives_the_space_back_and_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    before = build(MadeBases(20), StandIn(), folder, settings=SMALL)
    expected = {name: value for name, value in content(before).items() if name not in ("made/1", "made/2", "made/6")}
    remove(folder, ["made/1", "made/2", "made/6"])
    size = sum(file.stat().st_size for file in folder.rglob("*.npy"))

    after = compact(folder)

    assert content(after) == expected == content(FeatureDatabase.open(folder))
    assert len(after.shards) < len(before.shards) and not after.damaged()
    assert sum(file.stat().st_size for file in folder.rglob("*.npy")) < size
    assert content(compact(folder)) == expected


def test_a_stop_keeps_what_is_done_and_the_next_start_goes_on(tmp_path: Path) -> None:
    folder, model = tmp_path / "db", StandIn()
    with pytest.raises(StoppedError):
        build(MadeBases(12), model, folder, StopsAfter(6), settings=SMALL)
    assert len(FeatureDatabase.open(folder)) == 6
    model.seen.clear()
    database = build(MadeBases(12), model, folder)
    assert len(model.seen) == 6 and database.changes.kept == 6
    assert content(database) == content(build(MadeBases(12), StandIn(), tmp_path / "straight", settings=SMALL))


CHILD = """
import sys, time
from pathlib import Path
from tests.mlcore.geolocation.stand_in import StandIn
from tests.mlcore.geolocation.test_database import MadeBases, SMALL
from mlcore.geolocation.upkeep import build, compact

class Slow(StandIn):
    def features(self, *args, **more):
        time.sleep(0.004)
        print("one", flush=True)
        return super().features(*args, **more)

build(MadeBases(40), Slow(), Path(sys.argv[1]), settings=SMALL)
for _ in range(40):
    compact(Path(sys.argv[1]))
    print("compacted", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 5, 17, 33, 40])
def test_a_build_that_is_killed_goes_on_and_comes_out_the_same(tmp_path: Path, after: int) -> None:
    folder, rng = tmp_path / "db", np.random.default_rng(after)
    words = [sys.executable, "-c", CHILD, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as child:
        for _ in range(after):
            child.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.03)))
        os.kill(child.pid, signal.SIGKILL)

    if (folder / "manifest.json").exists():
        assert len(FeatureDatabase.open(folder)) >= 4 * ((after - 1) // 4 - 1)
    database = build(MadeBases(40), StandIn(), folder, settings=SMALL)

    assert not database.changes.repaired and not database.damaged()
    assert not list((folder / "shards").glob(".*"))
    assert content(database) == content(build(MadeBases(40), StandIn(), tmp_path / "straight", settings=SMALL))


def test_another_models_database_is_refused(tmp_path: Path) -> None:
    build(MadeBases(3), StandIn(), tmp_path / "db", settings=SMALL)
    other = StandIn("b" * 64)
    for attempt in (
        lambda: FeatureDatabase.open(tmp_path / "db", other.digest),
        lambda: build(MadeBases(3), other, tmp_path / "db"),
    ):
        with pytest.raises(OtherModelError, match="build a database of this one in another folder"):
            attempt()


@pytest.mark.parametrize("harm", ["gone", "short", "records", "no folder"])
def test_a_damaged_shard_is_named_and_a_build_makes_it_again(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "db"
    expected = content(build(MadeBases(12), StandIn(), folder, settings=SMALL))
    shard = sorted((folder / "shards").iterdir())[1]
    if harm == "gone":
        (shard / "tokens.npy").unlink()
    elif harm == "short":
        os.truncate(shard / "descriptors.npy", 100)
    elif harm == "records":
        (shard / "shard.json").write_text("{")
    else:
        for file in shard.iterdir():
            file.unlink()

    with pytest.raises(FeatureDatabaseError, match=f"shard {shard.name} is damaged.*build it again"):
        FeatureDatabase.open(folder)
    database = build(MadeBases(12), StandIn(), folder)

    assert len(database.changes.repaired) == 1 and shard.name in database.changes.repaired[0]
    assert content(database) == expected


def test_changed_bytes_are_found_by_a_check(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    expected = content(build(MadeBases(12), StandIn(), folder, settings=SMALL))
    file = sorted((folder / "shards").iterdir())[0] / "tokens.npy"
    with file.open("r+b") as opened:
        opened.seek(-5, os.SEEK_END)
        opened.write(b"\x12\x34")

    assert FeatureDatabase.open(folder).damaged() == [
        f"shard {file.parent.name} is damaged (tokens.npy holds other bytes than were written)"
    ]
    assert len(repair(folder)) == 1
    assert content(build(MadeBases(12), StandIn(), folder)) == expected


def test_two_writers_keep_out_of_each_others_way(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    build(MadeBases(3), StandIn(), folder, settings=SMALL)

    class Nosy(StandIn):
        def features(self, *args, **more):
            with pytest.raises(FeatureDatabaseError, match="another process writes"):
                remove(folder, ["made/0"])
            return super().features(*args, **more)

    assert len(build(MadeBases(4), Nosy(), folder)) == 4


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FeatureDatabaseError, match=r"holds letter.txt: choose an empty folder"):
        build(MadeBases(3), StandIn(), tmp_path)
    with pytest.raises(FeatureDatabaseError, match="locate build"):
        FeatureDatabase.open(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("cells", [1, 2, 3, 5])
def test_cells_cover_a_base_and_are_described(tmp_path: Path, cells: int) -> None:
    covered = np.zeros((7, 9), int)
    for window in cell_windows(7, 9, cells):
        covered[window] += 1
    assert covered.min() >= 1 and len(cell_windows(7, 9, cells)) == cells**2
    database = build(MadeBases(6), StandIn(), tmp_path / "db", settings=DatabaseSettings(cells=cells))
    for numbers, descriptors in database.descriptors():
        assert descriptors.shape == (len(numbers), 1 if cells == 1 else 1 + cells**2, 24)
        assert np.allclose(np.linalg.norm(descriptors, axis=2), 1, atol=1e-5)
