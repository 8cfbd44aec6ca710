"""A level that another process is writing: at every file it moves or deletes, the former one is there, or none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.local.level import LocalLevel, open_where_there
from mlcore.geolocation.local.store import FOLDER
from mlcore.geolocation.locator import Locator
from mlcore.geolocation.upkeep import build, remove
from tests.mlcore.geolocation.local.test_local_level import SMALL, Grounds, shot
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift

CHILD = """
import sys
from pathlib import Path
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.local.level import LocalLevel
from tests.mlcore.geolocation.local.test_local_level import SMALL, Grounds

def wait(event, args):
    if event in ("os.rename", "os.remove", "shutil.rmtree"):
        print(event, Path(args[1 if event == "os.rename" else 0]).name, flush=True)
        sys.stdin.readline()

database = FeatureDatabase.open(Path(sys.argv[1]))
sys.addaudithook(wait)
LocalLevel.update(database, Grounds(int(sys.argv[2])), settings=SMALL)
"""


class Writer:
    """An update of the level in a process of its own, which waits before it moves or deletes anything."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def __iter__(self) -> Iterator[str]:
        """What it is about to do, as `os.rename index.json`; it does so once the next is asked for."""
        while line := self.child.stdout.readline():
            yield line.strip()
            self.child.stdin.write("\n")
            self.child.stdin.flush()
        assert self.child.wait() == 0


@contextmanager
def writer(database: FeatureDatabase, bases: int) -> Iterator[Writer]:
    words = [sys.executable, "-c", CHILD, str(database.folder), str(bases)]
    root = Path(__file__).parents[4]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        try:
            yield Writer(child)
        finally:
            child.kill()


@pytest.fixture
def database(tmp_path: Path) -> FeatureDatabase:
    return build(Grounds(8), StandIn(), tmp_path / "db")


def finds(level: LocalLevel, number: int) -> bool:
    matches = level.find(*shot(number)[:2]).matches
    return bool(matches) and level.database.base(matches[0].number).name == f"ground/{number}"


def generations(database: FeatureDatabase) -> list[str]:
    return sorted(path.name for path in (database.folder / FOLDER / "index").iterdir() if path.is_dir())


def test_until_the_first_level_is_whole_there_is_none_and_pictures_are_placed_without(
    database: FeatureDatabase,
) -> None:
    steps = []
    with writer(database, 8) as update:
        for step in update:
            assert open_where_there(database) is None
            steps.append(step)
            if step == "os.rename index.json":
                locator = Locator(
                    StandIn(), database, Grounds(8), place=place_by_sift, local=open_where_there(database)
                )
                assert locator.locate(shot(5, angle=0)[0])
                break
        else:
            pytest.fail(f"it never came to its index: {steps}")
        update.child.stdin.write("\n" * 50)
        update.child.stdin.flush()
        update.child.stdout.read()
    assert finds(open_where_there(database), 5)


def test_the_former_level_serves_until_the_new_one_is_whole(database: FeatureDatabase) -> None:
    reader = LocalLevel.update(database, Grounds(8), settings=SMALL)
    more = build(Grounds(12), StandIn(), database.folder)
    found = []
    with writer(more, 12) as update:
        for _ in update:
            level = open_where_there(FeatureDatabase.open(database.folder))
            assert finds(level, 5)
            found.append(finds(level, 11))
            del level
    assert found[0] is False and sum(found) < len(found)
    assert finds(LocalLevel.open(more), 11)
    assert finds(reader, 5) and len(generations(database)) == 2  # somebody reads the former one

    del reader
    LocalLevel.update(more, Grounds(12))
    assert len(generations(database)) == 1


@pytest.mark.parametrize("last", ["os.rename 000002", "os.rename index.json"])
def test_a_writer_that_is_killed_before_the_index_counts_costs_nothing(database: FeatureDatabase, last: str) -> None:
    LocalLevel.update(database, Grounds(8), settings=SMALL)
    more = build(Grounds(12), StandIn(), database.folder)
    with writer(more, 12) as update:
        assert last in iter(update)
        update.child.kill()
    assert finds(open_where_there(more), 5) and not finds(open_where_there(more), 11)
    level = LocalLevel.update(more, Grounds(12))
    assert finds(level, 11) and finds(level, 5)
    assert len(generations(database)) == 1


def test_bases_whose_points_are_gone_already_are_not_found_and_hurt_nobody(database: FeatureDatabase) -> None:
    LocalLevel.update(database, Grounds(8), settings=SMALL)
    fewer = remove(database.folder, [f"ground/{number}" for number in range(6)])
    with writer(fewer, 8) as update:
        assert "os.rename index.json" in iter(update)
        update.child.kill()
    behind = LocalLevel.open(database)  # opened before they were removed
    assert not finds(behind, 1) and finds(behind, 7)
    assert not behind.find(*shot(1)[:2], among=database.numbers).digits > 6


def test_an_index_of_the_time_before_generations_is_read_and_replaced(database: FeatureDatabase) -> None:
    LocalLevel.update(database, Grounds(8), settings=SMALL)
    folder = database.folder / FOLDER / "index"
    for path in (folder / "000001").iterdir():
        if path.name != "lock":
            path.rename(folder / path.name)
    (folder / "000001" / "lock").unlink()
    (folder / "000001").rmdir()
    about = (folder / "index.json").read_text()
    (folder / "index.json").write_text(about.replace('"generation": "000001", ', ""))
    assert finds(LocalLevel.open(database), 5)
    more = build(Grounds(12), StandIn(), database.folder)
    assert finds(LocalLevel.update(more, Grounds(12)), 11)
    assert sorted(path.name for path in folder.iterdir()) == ["000001", "index.json"]
