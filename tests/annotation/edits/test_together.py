"""What several edits of one changeset do to nodes that their buildings have in common, and whose edit a node is of."""

import pytest

from annotation.edits import selectors
from annotation.edits.osmchange.compile import AcceptedChange, Base, compile_change
from annotation.edits.osmchange.elements import NewIds
from annotation.edits.osmchange.nodes import OldNode
from annotation.edits.osmchange.rings import OldWay
from annotation.edits.osmchange.together import left_by_all
from tests.annotation.edits.test_three_way import edit, nodes_of, put
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ModelVersionFactory, ScanFactory

CORNER = 1
MEMBERS = [("way", 60, "outer")]


def course(first, version=2):
    """Four corners, of which the first is shared by all."""
    nodes = [OldNode(CORNER, version, 10.0, 50.0, True, False)]
    nodes += [OldNode(first + n, 2, 10 + n * 1e-4, 50 + n * n * 1e-4, False, False) for n in (1, 2, 3)]
    return (*nodes, nodes[0])


def shape_of(nodes):
    return [[[(node.lon, node.lat) for node in nodes]]]


def house(number, version=2):
    nodes = course(number * 10, version)
    return AcceptedChange("remove", shape_of(nodes), Base("way", number, 5, {"building": "yes"}, nodes))


def left(*changes):
    ids = NewIds()
    return left_by_all(changes, [one for change in changes for one in compile_change(change, ids)])


@pytest.mark.parametrize(
    "edited",
    [
        {"kind": "modify", "check_date": "2024-03-01"},
        {"kind": "modify", "tags": {"roof:shape": "flat"}, "keeps_shape": True},
        {"kind": "remove"},
    ],
)
def test_a_node_of_a_multipolygon_whose_tags_alone_are_edited_stays(edited):
    nodes = course(600)
    ways = [OldWay(60, 3, {}, nodes)]
    base = Base("relation", 9, 4, {"building": "yes"}, members=MEMBERS, ways=ways)
    assert list(left(house(2), house(3))) == [CORNER]
    assert left(house(2), house(3), AcceptedChange(polygons=shape_of(nodes), base=base, **edited)) == {}


def test_a_node_of_a_way_whose_tags_alone_are_edited_stays():
    nodes = course(70)
    base = Base("way", 7, 5, {"building": "yes"}, nodes)
    seen = AcceptedChange("modify", shape_of(nodes), base, check_date="2024-03-01")
    assert left(house(2), house(3), seen) == {}


@pytest.mark.parametrize("versions", [(2, 4), (4, 2)])
def test_a_node_that_goes_goes_at_the_highest_version_that_is_known(versions):
    one, other = versions
    assert left(house(2, one), house(3, other))[CORNER].version == 4


@pytest.mark.django_db
def test_the_edit_that_wrote_the_version_is_meant_where_two_share_the_node(client_of):
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    client = client_of(UserFactory(role="editor"))
    shapes = square(0.3, 0.5), square(0.7, 0.5)
    bases = [
        FootprintFactory(snapshot=scan.snapshot, version=3, geometry=shape, nodes=nodes_of(shape, 100, version))
        for shape, version in zip(shapes, (2, 4), strict=True)
    ]
    first, second = (edit(scan, "remove", base=base, geometry=base.geometry) for base in bases)
    number = put(client, scan, first, second)
    changeset = selectors.get_changeset(UserFactory(role="admin"), number)
    assert selectors.change_about(changeset, "node/100", 2) == first.pk
    assert selectors.change_about(changeset, "node/100", 4) == second.pk
    assert selectors.change_about(changeset, "node/100", 9) == selectors.change_about(changeset, "node/100")
    assert selectors.change_about(changeset, "node/1") is None
