"""Buildings that are found, by the colour of their roof, their size and the density around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.evaluation.roofs import density_name, recalls, roof_name, roofs_found, size_name
from mlcore.evidence.picture import EvidenceReader
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from tests.mlcore.changes.made_place import houses, tiles_of, write_image, write_perfect_evidence


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0.9, 0.9, 0.88), "roof_bright"),
        ((0.5, 0.5, 0.5), "roof_grey"),
        ((0.1, 0.05, 0.1), "roof_dark"),
        ((0.7, 0.35, 0.2), "roof_warm"),
        ((0.7, 0.2, 0.3), "roof_warm"),
        ((0.2, 0.4, 0.8), "roof_blue_or_green"),
    ],
)
def test_roofs_are_named_by_their_mean_colour(rgb: tuple[float, float, float], name: str):
    assert roof_name(np.array(rgb)) == name


def test_limits_belong_to_the_larger_sort():
    assert [size_name(area) for area in (49.9, 50, 150, 500)] == [
        "size_under_50m2", "size_50_to_150m2", "size_150_to_500m2", "size_over_500m2",
    ]  # fmt: skip
    assert [density_name(share) for share in (0.0, 0.1, 0.3)] == [
        "density_under_10_percent", "density_10_to_30_percent", "density_over_30_percent",
    ]  # fmt: skip


def test_buildings_that_the_evidence_lacks_are_not_found_and_each_counts_once(tmp_path: Path):
    true, tiles = houses(3, 2), tiles_of(3, 2)
    seen = true[: len(true) // 2]
    image = open_image(write_image(tmp_path / "image.tif", true, 3, 2))
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", seen, 3, 2), tiles[0].z)
    tally = roofs_found(PairSource(image, MapIndex(true)), evidence, tiles)

    for sort in ("roof", "size", "density"):
        of_sort = [value for name, value in tally.items() if name.startswith(sort)]
        assert sum(count for _, count in of_sort) == len(true)
        assert sum(found for found, _ in of_sort) == len(seen)
    assert set(tally) == {"roof_bright", "size_50_to_150m2", "size_under_50m2", "density_10_to_30_percent"}


def test_recalls_are_of_all_places_together_and_of_no_handful():
    twice = [{"a": (1, 10), "b": (3, 3)}, {"a": (3, 10), "b": (3, 3)}]  # by two networks
    assert recalls({"here": twice, "there": [{"a": (10, 10)}]}, least=5) == {"a": 0.6}
