"""The queue of candidates: counted strictly, and without what the model said before any edit."""

import shapely.affinity

from mlcore.changes.candidate import Candidate
from mlcore.evaluation.queue import queue_figures, without_earlier
from mlcore.evaluation.readings import Disagreement, Readings
from mlcore.synthetic.edits import SimulatedEdit
from tests.mlcore.changes.made_place import houses, tiles_of

SHAPES = [house.geometry for house in houses(2, 2)]
TILE = tiles_of(1, 1)[0]


def candidate(kind, shape, confidence, osm_id=None):
    return Candidate(kind, shape, None if osm_id is None else "way", osm_id, TILE, confidence)


def added(shape):
    return SimulatedEdit("add", None, shape, "way", 1, "deleted")


def test_a_building_missing_from_the_real_map_is_false_when_strict_and_left_out_when_known():
    edits = [added(SHAPES[0])]
    stale = candidate("add", SHAPES[5], 0.95)
    found = [candidate("add", SHAPES[0], 0.9), stale]
    figures = queue_figures(found, [stale], edits)
    assert figures["strict_precision_first50"] == 0.5
    assert figures["known_precision_first50"] == 1.0
    assert figures["candidates_also_on_the_unedited_map"] == 1
    assert figures["recall_add"] == 1.0


def test_what_a_reader_is_sure_of_is_true_though_no_edit_explains_it():
    stale, false = candidate("add", SHAPES[5], 0.95), candidate("add", SHAPES[7], 0.8)
    found = [candidate("add", SHAPES[0], 0.9), stale, false]
    said = Readings("here", ({TILE: [Disagreement("missing", SHAPES[5].centroid, 60.0, True)]},))
    figures = queue_figures(found, [stale, false], [added(SHAPES[0])], said)
    assert figures["read_precision_first50"] == 2 / 3
    assert figures["strict_precision_first50"] == figures["strict_precision"] == 1 / 3
    assert (figures["real_confirmed_first40"], figures["real_missing_found"]) == (1.0, 1.0)


def test_a_new_false_candidate_is_false_either_way():
    found = [candidate("add", SHAPES[0], 0.9), candidate("add", SHAPES[7], 0.8)]
    figures = queue_figures(found, [], [added(SHAPES[0])])
    assert figures["strict_precision_first50"] == figures["known_precision_first50"] == 0.5


def test_only_the_same_kind_on_the_same_ground_was_there_before():
    before = [candidate("add", SHAPES[5], 0.3), candidate("remove", SHAPES[1], 0.9, 2)]
    away = shapely.affinity.translate(SHAPES[5], 0, 8 / 111_320)
    found = [candidate("add", SHAPES[5], 0.9), candidate("add", away, 0.9), candidate("add", SHAPES[1], 0.9)]
    assert without_earlier(found, before) == found[1:]


def test_recall_is_told_at_half_confidence_and_for_all():
    edits = [added(SHAPES[0]), added(SHAPES[1])]
    found = [candidate("add", SHAPES[0], 0.9), candidate("add", SHAPES[1], 0.2)]
    figures = queue_figures(found, [], edits)
    assert (figures["recall_add"], figures["recall_add_any_confidence"]) == (0.5, 1.0)
    assert figures["edits_add"] == 2


def test_an_empty_queue_is_a_figure_too():
    figures = queue_figures([], [], [added(SHAPES[0])])
    assert figures["strict_precision_first50"] == figures["recall_add"] == 0.0
