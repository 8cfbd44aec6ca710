from itertools import pairwise

import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from mlcore.geolocation.coarse import cell_centres, dual_softmax, mutual_neighbours, row_matches, similarity

SHAPE = (3, 4)


def table(seed: int, rows: int = 12, columns: int = 12) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 4


def everywhere(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.bool)


def test_similarity_is_the_table_of_inner_products():
    one, other = torch.eye(3)[None], torch.tensor([[[1.0, 2, 3]]])
    assert torch.equal(similarity(one, other)[0, :, 0], torch.tensor([1.0, 2, 3]))
    assert torch.equal(similarity(one, other, 2.0), similarity(other, one, 2.0).transpose(1, 2))


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_rows_and_columns_of_the_dual_softmax_sum_to_one(seed):
    forth, back = dual_softmax(table(seed), everywhere(12), everywhere(12))
    assert torch.allclose(forth.sum(dim=1), torch.ones(12)) and torch.allclose(back.sum(dim=0), torch.ones(12))


def test_both_directions_change_places_with_the_pictures():
    forth, back = dual_softmax(table(1), everywhere(12), everywhere(12))
    turned = dual_softmax(table(1).T, everywhere(12), everywhere(12))
    assert torch.allclose(forth, turned[1].T) and torch.allclose(back, turned[0].T)


def test_a_token_without_data_takes_part_in_nothing():
    valid = everywhere(12)
    valid[5] = False
    forth, back = dual_softmax(table(2), valid, everywhere(12))
    assert (forth[5] == 0).all() and (back[5] == 0).all() and torch.allclose(back.sum(dim=0), torch.ones(12))


def test_a_sure_loner_leaves_little_to_the_others():
    forth, _ = dual_softmax(table(3), everywhere(12), everywhere(12), alone=100.0)
    assert forth.sum() < 1e-6


def test_of_each_row_the_most_probable_is_matched_if_it_reaches_the_threshold():
    chosen = row_matches(torch.tensor([[0.1, 0.7, 0.2], [0.34, 0.33, 0.33]]), 0.35)
    assert chosen.tolist() == [[False, True, False], [False, False, False]]


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_with_no_neighbours_exactly_what_is_mutual_stays(seed):
    forth, back = dual_softmax(table(seed), everywhere(12), everywhere(12))
    ahead, behind = row_matches(forth, 0.0), row_matches(back.T, 0.0).T
    assert torch.equal(mutual_neighbours(ahead, behind, SHAPE, SHAPE, 0), ahead & behind)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_more_neighbours_never_take_a_match_away_and_keep_only_matches(seed):
    forth, back = dual_softmax(table(seed), everywhere(12), everywhere(12))
    ahead, behind = row_matches(forth, 0.0), row_matches(back.T, 0.0).T
    kept = [mutual_neighbours(ahead, behind, SHAPE, SHAPE, reach) for reach in range(4)]
    for fewer, more in pairwise(kept):
        assert (more | ~fewer).all()
    assert torch.equal(kept[3], ahead | behind)  # the grid is no larger than that


def test_a_match_whose_answer_lies_one_cell_off_stays_with_one_neighbour():
    ahead, behind = torch.zeros(12, 12, dtype=torch.bool), torch.zeros(12, 12, dtype=torch.bool)
    ahead[5, 7] = behind[6, 7] = True  # cells 5 and 6 are neighbours in their row
    assert not mutual_neighbours(ahead, behind, SHAPE, SHAPE, 0).any()
    assert mutual_neighbours(ahead, behind, SHAPE, SHAPE, 1).nonzero().tolist() == [[5, 7]]
    behind[6, 7], behind[3, 7] = False, True  # the end of one row and the start of the next are not
    assert not mutual_neighbours(ahead, behind, SHAPE, SHAPE, 1).any()


def test_cells_are_counted_row_by_row_from_their_outer_corner():
    assert cell_centres((2, 2), 64).tolist() == [[32, 32], [96, 32], [32, 96], [96, 96]]
