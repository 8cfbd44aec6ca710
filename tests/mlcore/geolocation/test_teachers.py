import numpy as np
import pytest
import torch

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.encoder import Pyramid
from mlcore.geolocation.grounds import PictureGround
from mlcore.geolocation.lessons import from_labels
from mlcore.geolocation.teachers import ClassTeacher, ClipTeacher, patches
from mlcore.geolocation.topics import class_shares, read_prompts
from mlcore.geolocation.training import train_locator
from tests.mlcore.encoders.published import clip_folder
from tests.mlcore.geolocation.test_training import ground

TINY = GeolocationConfig.preset("tiny")


def plain(colour: tuple[int, int, int], count: int) -> list[np.ndarray]:
    noise = np.random.default_rng(1).integers(-30, 30, (count, 128, 128, 3))
    return list((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def test_patches_go_row_by_row_and_leave_out_halves():
    images = torch.arange(2 * 3 * 256 * 320, dtype=torch.float32).reshape(2, 3, 256, 320)
    cut, shape = patches(images)
    assert shape == (2, 4) and cut.shape == (8, 3, 128, 128)
    assert torch.equal(cut[1], images[0, :, :128, 128:256]) and torch.equal(cut[6], images[1, :, 128:, :128])


def test_a_classifier_of_land_covers_learns_from_classes_of_photos():
    torch.manual_seed(0)
    shares = class_shares("ucmerced_v1", "land_cover_v1")
    photos = plain((40, 120, 50), 6) + plain((150, 150, 160), 6)
    labelled = PictureGround(photos, categories=[shares["forest"]] * 6 + [shares["parkinglot"]] * 6)
    teacher = ClassTeacher(Pyramid(TINY), [labelled], TINY)
    wide = np.stack([np.hstack([plain((40, 120, 50), 1)[0], plain((150, 150, 160), 1)[0]])])
    categories, attributes = teacher(torch.from_numpy(wide).permute(0, 3, 1, 2).float() / 255)
    names = read_prompts("land_cover_v1").categories
    assert [names[index] for index in categories[0].argmax(dim=1)] == ["forest", "road"]
    assert torch.allclose(categories.sum(dim=2), torch.ones(1, 2)) and attributes.shape == (1, 2, 28)
    assert torch.allclose(attributes.sum(dim=2), torch.ones(1, 2))


def test_without_a_class_there_is_no_classifier():
    with pytest.raises(InvalidInputError, match="no photo has a class"):
        ClassTeacher(Pyramid(TINY), [PictureGround(plain((1, 2, 3), 2))], TINY)


def test_clip_teaches_by_its_own_towers(tmp_path):
    folder = clip_folder(tmp_path / "clip")
    config = GeolocationConfig.preset("tiny", text_encoder=f"open_clip/local-dir:{folder}", teacher="clip", steps=2)
    teacher = ClipTeacher(config)
    categories, attributes = teacher(torch.rand(2, 3, 256, 128))
    assert categories.shape == (2, 2, 7) and attributes.shape == (2, 2, 28)
    assert torch.allclose(categories.sum(dim=2), torch.ones(2, 2))
    model = train_locator([(ground(), 1.0)], config, run_dir=tmp_path / "run")
    assert model.topic_branch.categories.abs().sum() > 0
    with pytest.raises(ConfigError, match="CLIP's text tower"):
        ClipTeacher(TINY)


@pytest.mark.parametrize("teacher", ["labels", "classes"])
def test_topics_come_nearer_to_what_the_teacher_says(tmp_path, teacher):
    from tests.mlcore.geolocation.test_training import Kept

    config = GeolocationConfig.preset("tiny", teacher=teacher, steps=24, pairs_per_epoch=8, batch=4, learning_rate=3e-3)
    kept = Kept()
    train_locator([(ground(), 1.0)], config, run_dir=tmp_path, progress=kept)
    taught = [each["locator/distillation"] for each in kept.figures]
    assert np.mean(taught[-3:]) < taught[0]


def test_labels_say_nothing_of_pictures_without_a_class():
    pairs = [type("Pair", (), {"categories": each})() for each in (np.eye(7)[2], None)]
    lesson = from_labels(pairs, 4, torch.tensor(read_prompts("land_cover_v1").category_of))
    assert lesson.known.tolist() == [True, False] and lesson.categories[0, :, 2].tolist() == [1.0] * 4
