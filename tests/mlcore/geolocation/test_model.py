import numpy as np
import pytest
import torch

from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, WeightsUnavailableError
from mlcore.geolocation.config import PRESETS, GeolocationConfig
from mlcore.geolocation.model import LocatorModel

TINY = GeolocationConfig.preset("tiny")


@pytest.fixture(scope="module")
def model() -> LocatorModel:
    torch.manual_seed(0)
    made = LocatorModel(TINY)
    made.start()
    return made.eval()


def picture(seed: int, height: int = 256, width: int = 256) -> np.ndarray:
    return (
        np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )


def filled(bases, shape):
    tokens = np.zeros((len(bases), *shape, TINY.channels), np.float16)
    valid = np.zeros((len(bases), *shape), bool)
    for number, base in enumerate(bases):
        rows, columns = base.valid.shape
        tokens[number, :rows, :columns], valid[number, :rows, :columns] = base.coarse, base.valid
    return tokens, valid


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_being_stored(name):
    config = GeolocationConfig.preset(name)
    stored = {key: list(value) if isinstance(value, tuple) else value for key, value in config.to_dict().items()}
    assert GeolocationConfig.from_dict(stored) == config


@pytest.mark.parametrize(
    "changes",
    [{"encoder": "resnet"}, {"frozen": 8}, {"heads": 3}, {"query_scales": (2.0,)}, {"threshold": 1.5}, {"batch": 3},
     {"no_such": 1}, {"train_base_px": 100}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ConfigError):
        GeolocationConfig.preset("tiny", **changes)


def test_tokens_of_a_picture_are_unit_vectors_on_a_grid_of_64_px(model):
    made = model.features(picture(0, 256, 192), role="base")
    assert made.coarse.shape == (4, 3, TINY.channels) and made.valid.all() and made.scale == 1.0
    assert np.allclose(np.linalg.norm(made.coarse, axis=2), 1, atol=1e-5)
    assert np.linalg.norm(made.descriptor) == pytest.approx(1, abs=1e-5) and made.others == ()


def test_a_base_that_is_too_large_is_shrunk_and_a_query_cut_to_its_middle(model):
    large = picture(0, 512, 512)
    base, query = model.features(large, role="base"), model.features(large, role="query")
    assert base.scale == 0.5 and base.coarse.shape[:2] == (4, 4)
    assert query.scale == 1.0 and query.coarse.shape[:2] == (2, 2) and query.origin_xy == (192.0, 192.0)


def test_a_query_is_seen_at_the_scales_where_it_has_cells_enough():
    torch.manual_seed(0)
    several = LocatorModel(GeolocationConfig.preset("tiny", query_scales=(0.5, 1.0, 2.0), query_px=256)).eval()
    made = several.features(picture(0, 256, 256), role="query")
    assert [view.scale for view in made.scales] == [1.0, 2.0]
    assert made.others[0].origin_xy == (64.0, 64.0)


def test_cells_without_data_are_not_valid(model):
    valid = np.ones((256, 256), bool)
    valid[:, 150:] = False
    assert model.features(picture(0), valid, role="base").valid.all(axis=0).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "rgb, valid, role",
    [(np.zeros((64, 64), np.uint8), None, "base"), (np.zeros((64, 64, 3), np.float32), None, "base"),
     (np.zeros((8, 64, 3), np.uint8), None, "base"), (np.zeros((64, 64, 3), np.uint8), np.ones((3, 3), bool), "base"),
     (np.zeros((64, 64, 3), np.uint8), None, "map")],
)  # fmt: skip
def test_what_is_no_picture_is_refused(model, rgb, valid, role):
    with pytest.raises(InvalidInputError):
        model.features(rgb, valid, role=role)


def test_many_bases_are_compared_as_each_is_alone(model):
    bases = [model.features(picture(seed, 256, side), role="base") for seed, side in ((1, 256), (2, 192), (3, 256))]
    query = model.features(picture(2, 256, 192)[64:192, 32:160], role="query")
    tokens, valid = filled(bases, (4, 4))
    together = model.compare_many(query, tokens, valid)
    alone = [float(model.compare_many(query, *filled([base], base.valid.shape))[0]) for base in bases]
    assert together.dtype == np.float32 and together == pytest.approx(alone, rel=1e-2, abs=1e-2)
    assert model.compare_many(query, torch.from_numpy(tokens), torch.from_numpy(valid)) == pytest.approx(together)
    with pytest.raises(InvalidInputError):
        model.compare_many(query, tokens, valid[:2])


def test_the_fast_comparison_follows_the_equations_one_by_one(model):
    from mlcore.geolocation import retrieval

    base = model.features(picture(2), role="base")
    query = model.features(picture(2, 192, 256), role="base")
    cells, known = torch.from_numpy(base.coarse).flatten(0, 1)[None], torch.from_numpy(base.valid).flatten()[None]
    known[0, 5] = False
    forth, back = retrieval._probabilities(model, query, cells, known)
    shapes = query.valid.shape, base.valid.shape
    chosen = retrieval._chosen(TINY, forth, back, shapes, neighbours=0)
    slow = retrieval._total(retrieval._most(chosen, forth, back, TINY), shapes, TINY)
    fast = model.compare_many(query, base.coarse[None], known.reshape(1, *base.valid.shape))
    assert fast[0] > 0 and fast == pytest.approx(slow.detach().numpy(), rel=1e-3)


def test_a_picture_matches_itself_cell_by_cell(model):
    base = model.features(picture(1), role="base")
    found = model.compare(base, base)
    assert len(found) >= 12 and found.score == pytest.approx(float(found.confidence.sum()))
    same = (found.query_xy == found.base_xy).all(axis=1)
    assert same.mean() > 0.9


def test_without_verification_the_number_of_matches_is_the_score(model):
    plain = LocatorModel(GeolocationConfig.preset("tiny", verification=False))
    plain.load_state_dict(model.state_dict())
    base = plain.eval().features(picture(1), role="base")
    assert plain.compare(base, base).score == len(plain.compare(base, base))


def test_the_descriptor_is_blind_to_the_order_of_tokens(model):
    tokens, known = torch.randn(1, 12, TINY.channels), torch.ones(1, 12, dtype=torch.bool)
    known[0, 3] = False
    order = torch.randperm(12)
    assert torch.allclose(model.described(tokens, known), model.described(tokens[:, order], known[:, order]), atol=1e-5)


def test_a_descriptor_is_that_of_the_pictures_own_tokens(model):
    base = model.features(picture(1), role="base")
    assert np.allclose(model.describe(base.coarse[None], base.valid[None])[0], base.descriptor, atol=1e-5)


@pytest.mark.parametrize("changes", [{"topics": False}, {"attributes": False}, {"context": False}, {"dustbin": False}])
def test_parts_that_are_switched_off_leave_a_locator_that_works(changes):
    torch.manual_seed(0)
    made = LocatorModel(GeolocationConfig.preset("tiny", **changes)).eval()
    base = made.features(picture(1), role="base")
    assert len(made.compare(base, base)) > 0


def test_a_saved_locator_is_read_back_with_its_digest(model, tmp_path):
    digest = model.save(tmp_path / "locator.safetensors", {"licence": "CC0"})
    again = LocatorModel.load(tmp_path / "locator.safetensors", digest)
    assert again.digest == digest == model.digest and again.config == model.config and again.about["licence"] == "CC0"
    ours, theirs = (each.features(picture(1), role="base") for each in (model, again))
    assert np.allclose(ours.coarse, theirs.coarse, atol=0.02)
    assert torch.allclose(again.topic_branch.categories, model.topic_branch.categories, atol=1e-3)


def test_a_damaged_or_foreign_file_is_refused(model, tmp_path):
    path = tmp_path / "locator.safetensors"
    model.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(CheckpointError):
        LocatorModel.load(path)
    path.write_bytes(whole[:-4] + b"\x01\x02\x03\x04")
    with pytest.raises(CheckpointError, match="damaged"):
        LocatorModel.load(path)
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match="registered"):
        LocatorModel.load(path, "0" * 64)
    from mlcore.learning.checkpoints import write_tensors

    write_tensors(path, {"a": torch.zeros(1)}, {"kind": "graph-matcher"})
    with pytest.raises(CheckpointError, match="no locator"):
        LocatorModel.load(path)


def test_the_pretrained_encoder_says_what_to_install():
    compact = LocatorModel(GeolocationConfig.preset("compact"))
    with pytest.raises(WeightsUnavailableError):
        compact.start("no-such-file.safetensors")
    assert sum(value.numel() for value in compact.state_dict().values()) * 2 < 20e6
    assert not any(value.requires_grad for value in compact.trunk.stem.parameters())
