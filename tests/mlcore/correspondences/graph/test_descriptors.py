"""What a keypoint's descriptor starts from, and where a match is refined to."""

import dataclasses

import pytest
import torch

from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.graph.matcher import GraphMatcher
from mlcore.correspondences.graph.model import GraphModel
from mlcore.correspondences.graph.refine import refined
from mlcore.correspondences.graph.training import start_from
from mlcore.correspondences.structure import StructureModel
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.graph.made import TINY, texture, untaught


def test_surroundings_read_the_same_of_a_picture_turned_by_right_angles() -> None:
    model = untaught()
    picture = torch.from_numpy(texture(1, 128)).permute(2, 0, 1)[None].float() / 255
    places = torch.tensor([[[64.0, 60.0], [70.0, 66.0]]])
    dense = model.detector(picture)
    turned = dataclasses.replace(
        dense, fields=dense.fields.rot90(1, (2, 3)), along=dense.along.rot90(1, (2, 3))
    )  # four times a right angle is a whole turn
    there = torch.stack([places[..., 1], 128 - places[..., 0]], dim=-1)

    said = model.detector.surroundings(dense, places), model.detector.surroundings(turned, there)

    assert torch.allclose(*said, atol=1e-4)
    assert not torch.allclose(said[0][0, 0], said[0][0, 1], atol=1e-2)


@torch.no_grad()
def test_a_match_is_refined_to_a_fraction_of_a_pixel() -> None:
    model, picture = untaught(), texture(1, 160)
    seen = GraphMatcher(model).read(picture)
    places = seen.keypoints.points.xy[0][(seen.keypoints.points.xy[0] - 64).abs().max(dim=1).values < 24]
    turns = model.detector.surroundings.turns(seen.dense, places[None])[0]

    off = places + torch.tensor([3.0, -2.5])
    found = refined(seen.dense, seen.dense, places, off, (turns, turns))

    assert len(places) > 3 and (found - places).norm(dim=1).median() < 0.5


def test_a_graph_matcher_is_taken_whole() -> None:
    torch.manual_seed(7)
    model, start = untaught(), GraphModel(TINY).state_dict()

    start_from(model, start)

    assert all(torch.equal(value, start[name]) for name, value in model.state_dict().items())
    with pytest.raises(InvalidInputError, match="other sizes"):
        start_from(GraphModel(dataclasses.replace(TINY, channels=32)), start)


def test_the_trunk_of_a_structure_matcher_is_a_start_and_no_other_is() -> None:
    start = StructureModel(StructureConfig(widths=TINY.widths)).state_dict()
    model = untaught()

    start_from(model, start)

    assert torch.equal(model.detector.enc_deep.first.weight, start["enc_deep.first.weight"])
    with pytest.raises(InvalidInputError, match="other widths"):
        start_from(model, StructureModel().state_dict())
    with pytest.raises(InvalidInputError, match="not of such a trunk"):
        start_from(model, {"weight": torch.zeros(1)})
