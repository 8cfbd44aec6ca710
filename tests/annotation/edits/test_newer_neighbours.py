"""An edit waits, with a reason, where a neighbour changed since, or was joined to what the edit would move."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.edits.errors import ConflictingEditsError
from annotation.edits.models import Changeset
from annotation.edits.osmchange.elements import Node, Way
from annotation.edits.selectors import conflicts, conflicts_of
from annotation.edits.services import changesets, export, rebase
from annotation.edits.services.compiling import compile_changeset
from annotation.edits.services.three_way import of_change, three_way
from tests.annotation.edits.town import Town, box

pytestmark = pytest.mark.django_db
MOVED = ('lon="12.0004000" lat="55.0000000"', 'lon="12.0004300" lat="55.0000000"')
NEW = """<way id="90" version="1" timestamp="2024-01-01T00:00:00Z"><nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="5"/>
 <tag k="building" v="yes"/></way><relation id="51\""""


def file_of(changeset: Changeset) -> str:
    return "".join(export.osc(changeset))


def at_the_wall(town: Town) -> Changeset:
    """A new house that was drawn against a wall of the shed, in a file."""
    town.accept("add", box(2, 4.5, 1, 1), adjusted=box(2, 4.5, 1, 1))
    changeset = town.changeset()
    assert '<way id="16"' in file_of(changeset)
    return changeset


def at_the_corners(town: Town) -> Changeset:
    """A new house that has two corners in common with way/12, in a file."""
    town.accept("add", box(4, 0, 1))
    changeset = town.changeset()
    assert {'<nd ref="5"/>', '<nd ref="6"/>'} <= set(file_of(changeset).split("\n   ")) or 'ref="5"' in file_of(
        changeset
    )
    return changeset


def codes(changeset: Changeset) -> list[tuple[str, str | None]]:
    return [(one.code, one.key) for one in conflicts(changeset)]


def test_a_file_that_enters_a_neighbours_wall_waits_once_the_neighbour_is_newer(town: Town):
    changeset = at_the_wall(town)
    assert codes(changeset) == []
    town.newer(town.source.read_text())
    assert codes(changeset) == []
    town.newer(town.source.read_text().replace('<way id="16" version="8"', '<way id="16" version="9"'))
    assert codes(changeset) == [("newer_neighbour", "way/16")]
    with pytest.raises(ConflictingEditsError) as refused:
        export.osc(changeset)
    assert "is at version 9 by now, the file was written over 8" in refused.value.data["items"][0]["detail"]
    told = three_way(changeset.items.get())
    assert told is not None and "put its change into a changeset again" in told.why_not
    changesets.delete(user=town.user, changeset=changeset)
    again = town.changeset()
    assert codes(again) == [] and '<way id="16" version="9"' in file_of(again)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (*MOVED, "node/5, a corner that it shares with way/12, was moved since"),
        ('<nd ref="2"/><nd ref="5"/><nd ref="6"/>', '<nd ref="2"/><nd ref="6"/>', "node/5, a corner that it shares"),
    ],
    ids=["moved", "gone"],
)
def test_a_file_that_shares_a_corner_waits_once_the_corner_is_elsewhere_or_gone(town: Town, before, after, said):
    changeset = at_the_corners(town)
    text = town.source.read_text()
    assert before in text
    town.newer(text.replace(before, after))
    (conflict,) = conflicts(changeset)
    assert conflict.code == "newer_neighbour" and said in conflict.detail


def test_a_suggestion_of_an_old_map_does_not_move_a_corner_that_something_else_has_by_now(town: Town):
    change = town.answer("modify", box(2, 0, 1.5, 2), "way/12")
    changeset = town.changeset()
    assert codes(changeset) == [] and of_change(change) is None
    town.newer(town.source.read_text().replace('<relation id="51"', NEW))
    assert codes(changeset) == [("node_joined", "way/12")]
    told = of_change(change)
    assert told is not None and told.theirs is not None and not told.why_not
    rebase.rebase(
        user=town.user, changeset=changeset, change_id=change.pk, seen=told.theirs.digest, shape="ours"
    )  # fmt: skip
    assert codes(changeset) == []
    written = {one.element.id for one in compile_changeset(changeset).operations if isinstance(one.element, Node)}
    assert not {5, 6} & written


def test_a_suggestion_that_leaves_that_corner_where_it_is_goes_on(town: Town):
    town.answer("modify", box(2, 0, 2, 3), "way/12")  # (4, 0) stays, node 6 is the corner that goes
    changeset = town.changeset()
    town.newer(town.source.read_text().replace('<relation id="51"', NEW.replace('<nd ref="6"/>', '<nd ref="8"/>')))
    assert codes(changeset) == []


@pytest.mark.parametrize("kind", ["shifted", "remove"])
def test_what_another_file_has_joined_is_not_moved_or_removed_before_the_map_shows_it(town: Town, kind: str):
    first = at_the_corners(town)
    change = town.answer(kind, box(3, 0), "way/12")
    second = town.changeset(change_ids=[change.pk])
    assert codes(first) == [] and codes(second) == [("joined_since", "way/12")]
    (conflict,) = conflicts(second)
    assert f"changeset {first.pk} joins a building to node/5" in conflict.detail
    with pytest.raises(ConflictingEditsError):
        export.osc(second)
    told = three_way(second.items.get())
    assert told is not None and "wait until" in told.why_not
    changesets.delete(user=town.user, changeset=first)
    assert codes(second) == []


def test_a_map_that_was_made_after_the_file_has_the_say(town: Town):
    at_the_corners(town)
    change = town.answer("shifted", box(3, 0), "way/12")
    second = town.changeset(change_ids=[change.pk])
    town.newer(town.source.read_text(), taken_at=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    assert codes(second) == []


def test_a_corner_that_a_multipolygon_beside_it_lost_since_is_not_taken_though_no_edit_is_in_conflict(town: Town):
    town.accept("remove", key="relation/51")  # it is a demolished one then, and its ways stay
    town.accept("add", box(16, 0, 1, 6))
    changeset = town.changeset()
    assert {21, 22} <= refs_of(changeset)
    text = town.source.read_text()
    (node,) = (line for line in text.splitlines() if '<node id="21"' in line)
    text = text.replace(node, node.replace('id="21"', 'id="27"'))
    way = '<way id="14" version="{}" timestamp="2020-01-01T00:00:00Z"><nd ref="20"/><nd ref="{}"/>'
    assert way.format(2, 21) in text
    town.newer(text.replace(way.format(2, 21), way.format(3, 27)))
    assert codes(changeset) == []
    assert refs_of(changeset) & {21, 22} == {22}
    assert 'ref="21"' not in file_of(changeset)


def refs_of(changeset: Changeset) -> set[int]:
    ways = [one.element for one in compile_changeset(changeset).operations if isinstance(one.element, Way)]
    return {ref for way in ways for ref in way.refs}


@pytest.mark.parametrize("count", [1, 4])
def test_neighbours_cost_the_same_queries_for_any_number_of_edits(town: Town, count: int, django_assert_num_queries):
    for number in range(count):
        town.accept("add", box(20 + 4 * number, 0, 1) if number else box(4, 0, 1))
    changeset = town.changeset()
    file_of(changeset)
    town.newer(town.source.read_text())
    items = list(changeset.items.select_related("change__footprint", "change__merged", "change__scan"))
    with django_assert_num_queries(5):
        conflicts_of(changeset.region, items)
