"""The graph matcher as a whole: its settings, any two pictures, training, early ends, its file, the command line."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mlcore.cli.evaluate_matching import add_arguments, matcher_of
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.graph.config import PRESETS, GraphConfig
from mlcore.correspondences.graph.detector import TRUNK
from mlcore.correspondences.graph.labels import moved
from mlcore.correspondences.graph.matcher import GraphMatcher, not_black
from mlcore.correspondences.graph.model import GraphModel, Keypoints, sure_enough
from mlcore.correspondences.graph.training import Trainer, map_to_image, train_graph
from mlcore.correspondences.grounds import PhotoGround, SeenTwice, crop_pair
from mlcore.correspondences.structure import StructureModel
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, StoppedError
from mlcore.learning.schedule import warmed_cosine
from tests.mlcore.correspondences.graph.made import TINY, as_batch, as_if_taught, points, texture, untaught

torch.set_num_threads(1)
GROUNDS = [(PhotoGround([texture(seed, 300) for seed in range(3)]), 1.0)]


class Until:
    """Asks to stop after so many reports."""

    def __init__(self, count: int) -> None:
        self.left = count

    def report(self, fraction: float, message: str = "", figures: object = None) -> None:
        self.left -= 1

    def should_stop(self) -> bool:
        return self.left <= 0


class OneTexture:
    """The same picture on both sides."""

    def draw(self, rng: np.random.Generator) -> SeenTwice:
        picture, everywhere = texture(1, 300), np.ones((300, 300), bool)
        return SeenTwice(picture, everywhere, picture, everywhere, everywhere)


def keypoints(count: int, seed: int) -> Keypoints:
    generator = torch.Generator().manual_seed(seed)
    xy, words = torch.rand(1, count, 2, generator=generator) * 100, torch.randn(1, count, 16, generator=generator)
    return Keypoints(points(xy, seed=seed), words / words.norm(dim=2, keepdim=True), words)


def tables(model: GraphModel) -> tuple[Tensor, int]:
    with torch.no_grad():
        found = model.match(keypoints(20, 0), keypoints(16, 1))
    return found.tables[-1], found.rounds


def test_the_presets_are_settings_and_the_paper_s_has_what_was_published() -> None:
    assert {"paper", "compact", "tiny"} == set(PRESETS)
    assert (PRESETS["paper"].size_px, PRESETS["paper"].keypoints) == (512, 2048)
    assert PRESETS["compact"].widths == StructureConfig().widths
    assert all(GraphConfig.from_dict(one.to_dict()) == one for one in PRESETS.values())
    with pytest.raises(ConfigError, match="compact"):
        GraphConfig.preset("huge")
    with pytest.raises(ConfigError, match="unknown"):
        GraphConfig.from_dict({"colour": 1})


@pytest.mark.parametrize(
    "wrong",
    [{"crop_px": 100}, {"channels": 15}, {"rounds": 0}, {"assignment": "guess"}, {"exit_share": 1.5},
     {"match_px": 10.0}, {"keypoints": 2}, {"widths": (8, 8)}, {"learning_rate": 2.0}],
)  # fmt: skip
def test_settings_that_can_t_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        GraphConfig.from_dict(TINY.to_dict() | wrong)


@pytest.mark.parametrize("way", ["dual_softmax", "transport"])
def test_pictures_of_any_size_have_matches_inside_themselves_and_again_the_same(way: str) -> None:
    matcher = GraphMatcher(untaught(assignment=way, least_confidence=0.0))
    maps, image = texture(1, 200), np.ascontiguousarray(texture(2)[:90])

    found, again = matcher.match(maps, image), matcher.match(maps, image)

    assert len(found) and ((found.confidence > 0) & (found.confidence <= 1)).all()
    assert (found.map_xy >= 0).all() and (found.map_xy <= 200).all()
    assert (found.image_xy >= 0).all() and (found.image_xy <= (256, 90)).all()
    assert len(np.unique(found.map_xy, axis=0)) == len(np.unique(found.image_xy, axis=0)) == len(found)
    assert np.array_equal(found.map_xy, again.map_xy) and np.array_equal(found.confidence, again.confidence)
    assert found.reach_px2 == 256 * 90


def test_pictures_without_a_keypoint_have_no_match_and_what_is_no_picture_is_refused() -> None:
    matcher = GraphMatcher(untaught(least_confidence=0.0))
    for flat in (np.zeros((100, 100, 3), np.uint8), np.full((100, 60, 3), 90, np.uint8)):
        assert len(matcher.match(flat, texture(0, 100))) == len(matcher.match(texture(0, 100), flat)) == 0
    assert len(matcher.match(texture(0, 100), texture(0, 100), image_valid=np.zeros((100, 100), bool))) == 0
    with pytest.raises(InvalidInputError, match="not empty"):
        matcher.match(np.zeros((0, 5, 3), np.uint8), texture(0, 100))
    with pytest.raises(InvalidInputError, match="one size"):
        matcher.match(texture(0, 100), texture(0, 100), map_valid=np.ones((5, 5), bool))


def test_keypoints_stay_out_of_black_wedges_but_not_off_black_lines() -> None:
    picture = texture(3, 128)
    picture[:, :40] = 0
    picture[60:63, 60:120] = 0
    picture[80:110, 80:110] = 0

    valid = not_black(picture)

    assert not valid[:, :40].any() and valid[:, 40:].all()
    places = GraphMatcher(untaught()).read(picture)
    assert places.keypoints.points.xy[0, :, 0].min() > 40


def test_evidence_reaches_the_tokens_and_is_asked_for_by_the_matchers_that_learnt_with_it() -> None:
    model = as_if_taught(untaught(classes=2))
    houses, none = (
        GraphMatcher(model, lambda seen, value=value: torch.full((1, 2, 32, 32), value)) for value in (1.0, 0.0)
    )
    one, other = (matcher.read(texture(0, 128)).keypoints for matcher in (houses, none))

    assert torch.equal(one.points.xy, other.points.xy) and not torch.allclose(one.tokens, other.tokens)
    with pytest.raises(InvalidInputError, match="2 classes"):
        GraphMatcher(model)
    with pytest.raises(InvalidInputError, match="0 classes"):
        train_graph(GROUNDS, TINY, run_dir=Path("unused"), evidence=lambda seen: seen)


def test_rounds_that_never_are_sure_enough_give_what_rounds_without_an_early_end_give() -> None:
    straight, early = untaught(rounds=3), untaught(rounds=3, exit_share=0.95)
    early.load_state_dict(straight.state_dict())
    for head in early.sure:
        torch.nn.init.constant_(head.bias, -20.0)  # type: ignore[arg-type]

    assert tables(early)[1] == tables(straight)[1] == 3
    assert torch.equal(tables(early)[0], tables(straight)[0])

    for head in early.sure:
        torch.nn.init.constant_(head.bias, 20.0)  # type: ignore[arg-type]
    table, rounds = tables(early)
    every = straight.match(keypoints(20, 0), keypoints(16, 1), every=True)
    assert rounds == 1 and torch.allclose(table, every.tables[0]) and every.rounds == 3
    assert len(every.tables) == 3 and len(every.sure0) == len(every.sure1) == 2
    assert 0.9 == sure_enough(0, 9) > sure_enough(8, 9) > 0.8


def test_the_matrix_of_a_pair_leads_from_the_map_as_seen_to_the_image() -> None:
    noise = np.kron(np.random.default_rng(3).integers(0, 255, (40, 40, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    everywhere = np.ones(noise.shape[:2], bool)
    pair = crop_pair(
        SeenTwice(noise, everywhere, noise, everywhere, everywhere), 128, np.random.default_rng(1),
        turn_deg=20, scale_jitter=0.1, shift_share=0.1, seen_scale=0.3,
    )  # fmt: skip
    rows, columns = np.mgrid[0:128:5, 0:128:5]
    here = torch.tensor(np.column_stack([columns.ravel() + 0.5, rows.ravel() + 0.5])).float()[None]

    there = moved(here, torch.tensor(map_to_image(pair))[None].float())[0].numpy()

    inside = ((there > 2) & (there < 125)).all(axis=1) & pair.map_valid[rows.ravel(), columns.ravel()]
    x, y = (there[inside] - 0.5).round().astype(int).T
    apart = pair.image[y, x].astype(int) - pair.map[rows.ravel()[inside], columns.ravel()[inside]]
    assert inside.sum() > 50 and np.median(np.abs(apart)) < 12


def test_all_losses_teach_and_no_weight_is_left_out() -> None:
    model = untaught().train()
    trainer = Trainer(model, GROUNDS)
    losses, found = trainer.losses(trainer.draw(np.random.default_rng(0)))
    torch.stack(list(losses.values())).sum().backward()

    assert set(losses) == {"detector", "contrast", "assignment", "exit"} and 0 <= float(found) <= 1
    assert all(value.isfinite() and value > 0 for value in losses.values())
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)


def steps_on_the_same_pairs(model: GraphModel, count: int) -> list[dict[str, float]]:
    """Figures of each step."""
    trainer = Trainer(model.train(), GROUNDS)
    pairs = trainer.draw(np.random.default_rng(0))
    return [trainer.step(step, pairs) for step in range(count)]


def test_steps_on_the_same_pairs_lower_every_loss() -> None:
    figures = steps_on_the_same_pairs(untaught(learning_rate=3e-3, steps=24, warmup=0.1), 12)

    for name in ("detector_loss", "contrast_loss", "assignment_loss"):
        assert figures[-1][name] < 0.8 * figures[0][name]


def test_a_picture_lies_on_itself_before_anything_is_learnt_and_after_a_handful_of_steps() -> None:
    model = untaught(assignment="transport", least_confidence=0.03, learning_rate=5e-3, steps=40, warmup=0.1)
    before = GraphMatcher(model).match(texture(1, 300), texture(1, 300))
    trainer, rng = Trainer(model.train(), [(OneTexture(), 1.0)]), np.random.default_rng(0)
    for step in range(20):
        trainer.step(step, trainer.draw(rng))

    for found in (before, GraphMatcher(model).match(texture(1, 300), texture(1, 300))):
        assert len(found) > 24
        assert (np.abs(found.map_xy - found.image_xy).max(axis=1) < 1).mean() > 0.9


def test_training_stopped_and_resumed_gives_the_weights_of_a_straight_run(tmp_path: Path) -> None:
    straight = train_graph(GROUNDS, TINY, run_dir=tmp_path / "straight")
    with pytest.raises(StoppedError):
        train_graph(GROUNDS, TINY, run_dir=tmp_path / "broken", progress=Until(1))
    resumed = train_graph(GROUNDS, TINY, run_dir=tmp_path / "broken")

    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in straight.state_dict().items())
    assert any(not torch.equal(value, untaught().state_dict()[name]) for name, value in straight.state_dict().items())
    with pytest.raises(CheckpointError, match="other data or settings"):
        train_graph(GROUNDS, dataclasses.replace(TINY, learning_rate=1e-4), run_dir=tmp_path / "broken")
    with pytest.raises(InvalidInputError, match="nothing to learn from"):
        train_graph([], TINY, run_dir=tmp_path / "none")


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    config = dataclasses.replace(TINY, steps=100, warmup=0.1)
    rates = [warmed_cosine(step, config.steps, config.warmup) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == 1.0 and rates[-1] < 0.01


def test_a_saved_matcher_is_the_same_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    model, path = untaught(), tmp_path / "graph.safetensors"
    digest = model.save(path, {"note": "made"})

    back = GraphModel.load(path, digest)

    assert back.config == model.config and not back.training
    assert all(torch.allclose(value.float(), back.state_dict()[name].float(), rtol=2e-3, atol=1e-4)
               for name, value in model.state_dict().items())  # fmt: skip
    with pytest.raises(CheckpointError):
        GraphModel.load(path, "0" * 64)
    StructureModel(StructureConfig(widths=TINY.widths)).save(tmp_path / "structure.safetensors")
    with pytest.raises(CheckpointError, match="not a graph matcher"):
        GraphModel.load(tmp_path / "structure.safetensors")
    with pytest.raises(CheckpointError, match="not a matcher"):
        StructureModel.load(path)


def test_the_command_line_measures_it_by_name_and_asks_for_its_weights(tmp_path: Path) -> None:
    untaught().save(tmp_path / "graph.safetensors")

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["--places", "there", "--matchers", "graph", "--graph-weights", str(tmp_path / "graph.safetensors")]
    told = parser.parse_args([*words, "--out", "here"])

    matcher = matcher_of(told.matchers[0], "full", told.weights, told.graph_weights)

    assert matcher.name == "graph" and len(matcher.match(texture(0, 128), texture(1, 128))) >= 0
    with pytest.raises(InvalidInputError, match="--graph-weights"):
        matcher_of("graph", "full", tmp_path / "graph.safetensors")


def test_a_batch_is_read_as_its_pictures_are_one_by_one() -> None:
    model, pictures, valid = untaught(), as_batch(texture(0, 128), texture(1, 128)), torch.ones(2, 1, 128, 128)
    with torch.no_grad():
        both = model.keypoints(model.detector(pictures), pictures, valid, 30)
        alone = model.keypoints(model.detector(pictures[1:]), pictures[1:], valid[1:], 30)

    assert torch.allclose(both.points.xy[1:], alone.points.xy, atol=1e-4)
    assert torch.allclose(both.tokens[1:], alone.tokens, atol=1e-4)


def test_a_kept_trunk_stays_as_it_starts_while_the_rest_learns(tmp_path: Path) -> None:
    start = StructureModel(StructureConfig(widths=TINY.widths)).state_dict()
    model = train_graph(GROUNDS, dataclasses.replace(TINY, keep_trunk=True), run_dir=tmp_path, initial=start)
    kept = {name: value for name, value in model.detector.state_dict().items() if name.startswith(TRUNK)}
    assert model.rounds[0].within.update.mlp[-1].weight.any() and all(kept[name].equal(start[name]) for name in kept)
