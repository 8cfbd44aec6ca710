"""Scanning: prefetched, in order, and the same scores as one by one."""

from dataclasses import replace

import numpy as np
import pytest

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held, score_tiles, turned
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.pairs.prefetch import prefetched
from mlcore.progress import SilentProgress
from tests.mlcore.consistency.samples import make_pairs

PAIRS = {pair.tile: pair for pair in make_pairs(11)}


class Held:
    """A source of pairs already in memory."""

    def __init__(self):
        self.asked = []

    def view(self, tile):
        self.asked.append(tile)
        return PAIRS[tile]


class Stop(SilentProgress):
    def should_stop(self):
        return True


def test_pairs_come_in_order_and_not_far_ahead():
    source = Held()
    pairs = prefetched(source.view, list(PAIRS), workers=3, ahead=4)
    assert next(pairs).tile == next(iter(PAIRS))
    assert len(source.asked) <= 5
    assert [pair.tile for pair in pairs] == list(PAIRS)[1:]


def test_batches_score_like_single_tiles_and_the_last_one_is_short():
    model = ConsistencyModel(ConsistencyConfig.preset("tiny"))
    parts = list(score_tiles(model, Held(), list(PAIRS), batch=4))
    assert [len(pairs) for pairs, _ in parts] == [4, 4, 3]
    together = np.concatenate([scores.final for _, scores in parts])
    alone = np.concatenate([score_held(model, [pair]).final for pair in PAIRS.values()])
    assert np.allclose(together, alone, atol=1e-3)


def test_several_models_score_by_their_mean():
    models = [ConsistencyModel(ConsistencyConfig.preset("tiny")) for _ in range(2)]
    both, *alone = (
        np.concatenate([scores.disc for _, scores in score_tiles(each, Held(), list(PAIRS))])
        for each in (models, *models)
    )
    assert np.allclose(both, np.mean(alone, axis=0), atol=1e-4)
    assert not np.allclose(both, alone[0], atol=1e-4)


def test_an_error_while_reading_comes_out_and_a_stop_is_obeyed():
    def broken(tile):
        raise InvalidInputError("the image is gone")

    with pytest.raises(InvalidInputError, match="gone"):
        list(prefetched(broken, list(PAIRS)))
    with pytest.raises(StoppedError):
        list(score_tiles(ConsistencyModel(ConsistencyConfig.preset("tiny")), Held(), list(PAIRS), progress=Stop()))


def test_no_tiles_give_no_batches():
    assert list(prefetched(Held().view, [])) == []


def test_the_eight_views_are_all_different_and_keep_every_pixel():
    plane = np.arange(2 * 4 * 4).reshape(2, 4, 4)
    views = [turned(plane, view) for view in range(8)]
    assert len({view.tobytes() for view in views}) == 8
    assert all(sorted(view[0].ravel()) == sorted(plane[0].ravel()) for view in views)
    assert np.array_equal(views[0], plane)


def test_a_score_over_all_views_does_not_depend_on_which_way_is_north():
    model = ConsistencyModel(ConsistencyConfig.preset("tiny", views=8))
    pairs = list(PAIRS.values())[:3]
    rotated = [
        replace(
            pair, **{name: np.ascontiguousarray(np.rot90(getattr(pair, name))) for name in ("image", "map", "valid")}
        )
        for pair in pairs
    ]
    assert np.allclose(score_held(model, pairs).final, score_held(model, rotated).final, atol=1e-4)
    single = ConsistencyModel(ConsistencyConfig.preset("tiny"))
    changed = np.abs(score_held(single, pairs).proto - score_held(single, rotated).proto)
    averaged = np.abs(score_held(model, pairs).proto - score_held(model, rotated).proto)
    assert changed.max() > 10 * averaged.max()


@pytest.mark.parametrize("views", [4, 8])
def test_tiles_that_are_shrunk_once_score_as_if_every_view_were(views):
    model = ConsistencyModel(replace(ConsistencyConfig.preset("tiny"), views=views))
    pairs = make_pairs(3, size=2 * model.config.input_px)
    pairs[0].valid[:40] = False
    planes = [np.stack([getattr(pair, name) for pair in pairs]) for name in ("image", "map", "valid")]
    each = [model.score(*(turned(one, view) for one in planes)).disc for view in range(views)]

    assert np.allclose(score_held(model, pairs).disc, np.mean(each, axis=0), atol=1e-5)


def test_fewer_turns_are_the_first_of_them():
    model = ConsistencyModel(ConsistencyConfig.preset("tiny", views=4))
    pairs = list(PAIRS.values())[:3]
    (_, once), (_, twice) = (next(iter(score_tiles(model, Held(), list(PAIRS)[:3], turns=some))) for some in (1, 2))

    model.config = replace(model.config, views=1)
    assert np.allclose(once.disc, score_held(model, pairs).disc, atol=1e-6)
    model.config = replace(model.config, views=2)
    assert np.allclose(twice.disc, score_held(model, pairs).disc, atol=1e-6)
    assert np.abs(twice.disc - once.disc).max() > 1e-5
