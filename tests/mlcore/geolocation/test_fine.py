import torch
import torch.nn.functional as F

from mlcore.geolocation.fine import expected_places, window_centres, window_matches, window_tables, within


def features(channels: int, side: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=1)


def test_windows_hold_cells_of_at_most_so_many_rows_and_columns_apart():
    near = within((4, 5), 1)
    assert near[0].nonzero()[:, 0].tolist() == [0, 1, 5, 6] and torch.equal(near, near.T)


def test_a_shifted_grid_is_matched_cell_by_cell_within_the_window():
    query = features(32, 10)
    base = query.roll((2, -1), dims=(2, 3))
    forth, back = window_tables(query, base, 40.0, radius=3)
    assert not forth[0][~within((10, 10), 3)].any()
    found = window_matches(forth[0], back[0], (10, 10), 0.2)
    inside = (found.query_cell // 10 < 8) & (found.query_cell % 10 > 0)
    assert inside.sum() >= 70
    assert torch.equal(found.base_cell[inside], found.query_cell[inside] + 2 * 10 - 1)
    assert (found.probability > 0.2).all() and (found.probability <= 1).all()


def test_what_lies_beyond_the_window_is_not_found():
    query = features(32, 10)
    forth, back = window_tables(query, query.roll(5, dims=3), 40.0, radius=3)
    found = window_matches(forth[0], back[0], (10, 10), 0.0)
    apart = (found.query_cell % 10 - found.base_cell % 10).abs()
    assert len(apart) and (apart <= 3).all()


def test_the_expectation_finds_a_shift_to_less_than_a_pixel():
    coarse = torch.randn(1, 16, 12, 12, generator=torch.Generator().manual_seed(1))
    smooth = F.interpolate(coarse, size=(48, 48), mode="bicubic", align_corners=False)
    grid = F.affine_grid(torch.tensor([[[1.0, 0, 2 * 1.5 / 48], [0, 1, -2 * 0.5 / 48]]]), [1, 16, 48, 48], False)
    base = F.grid_sample(smooth, grid, mode="bicubic", align_corners=False)  # shows what lies 1.5 to the right, 0.5 up
    points = window_centres((12, 12)).reshape(12, 12, 2)[3:9, 3:9].reshape(-1, 2)
    query, other = F.normalize(smooth, dim=1)[0], F.normalize(base, dim=1)[0]
    found, spread = expected_places(query, other, points, points, 60.0, radius=4)
    off = found - (points + torch.tensor([-6.0, 2.0]))  # four pixels a cell
    assert float(off.norm(dim=1).median()) < 1.0 and (spread < 2).all()


def test_a_finer_window_around_the_first_sees_what_lies_between_cells():
    """Features that resemble their neighbours little: over whole cells the expectation keeps to the nearest one."""
    rough = torch.randn(1, 16, 40, 40, generator=torch.Generator().manual_seed(2))
    grid = F.affine_grid(torch.tensor([[[1.0, 0, 2 * 0.4 / 40], [0, 1, 0]]]), [1, 16, 40, 40], False)
    query, base = F.normalize(rough, dim=1)[0], F.normalize(F.grid_sample(rough, grid, align_corners=False), dim=1)[0]
    points = window_centres((10, 10)).reshape(10, 10, 2)[2:8, 2:8].reshape(-1, 2)
    true = points + torch.tensor([-1.6, 0.0])
    off = [
        float((expected_places(query, base, points, points, 40.0, 4, steps)[0] - true).norm(dim=1).median())
        for steps in ((1.0,), (1.0, 0.25))
    ]
    assert off[1] < 0.5 * off[0] and off[1] < 0.6
