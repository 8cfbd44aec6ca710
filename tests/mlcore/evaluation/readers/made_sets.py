"""Small made samples in the layouts of WHU-CD and Inria: bright roofs on dark ground."""

import cv2
import numpy as np

from mlcore.evaluation.readers.crops import OSM_BUILDING_RGB

PX = 256


def boxes(number):
    rng = np.random.default_rng(number)
    places = rng.choice(16, 6, replace=False)
    return [(int(p % 4) * 64 + 6, int(p // 4) * 64 + 6, *rng.integers(36, 50, 2).tolist()) for p in places]


def mask_of(some, size=PX):
    mask = np.zeros((size, size), np.uint8)
    for x, y, width, height in some:
        mask[y : y + height, x : x + width] = 255
    return mask


def image_of(mask):
    noise = np.random.default_rng(3).normal(0, 6, (*mask.shape, 3))
    return np.clip(np.where(mask[..., None] > 0, (190, 170, 160), (60, 85, 55)) + noise, 0, 255).astype(np.uint8)


def drawing_of(mask):
    return np.where(mask[..., None] > 0, OSM_BUILDING_RGB, (242, 239, 233)).astype(np.uint8)


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)


def whu(root, count=18, *, drawn=False):
    """A, B, label, list and map (or A_label); in every third test crop one building is new since the map."""
    names = [f"whu_{number:03}" for number in range(count)]
    tests = names[2 * count // 3 :]
    for number, name in enumerate(names):
        some = boxes(number)
        now = mask_of(some)
        then = mask_of(some[1:]) if name in tests and number % 3 == 0 else now
        save(root / "A" / f"{name}.png", image_of(then))
        save(root / "B" / f"{name}.png", image_of(now))
        save(root / "label" / f"{name}.png", now ^ then)
        save(root / ("map" if drawn else "A_label") / f"{name}.png", drawing_of(then) if drawn else then)
    splits = {"train": names[: count // 2], "val": names[count // 2 : 2 * count // 3], "test": tests}
    (root / "list").mkdir()
    for split, some in splits.items():
        (root / "list" / f"{split}.txt").write_text("".join(f"{name}.png\n" for name in some))
    return splits


def inria(root, numbers=(1, 6, 17)):
    """austinN.tif of 2 x 2 crops and a rest, with gt masks of 0 and 255."""
    for number in numbers:
        mask = np.zeros((600, 600), np.uint8)
        for row in range(2):
            for column in range(2):
                place = np.s_[row * PX : row * PX + PX, column * PX : column * PX + PX]
                mask[place] = mask_of(boxes(10 * number + 2 * row + column))
        save(root / "AerialImageDataset" / "train" / "images" / f"austin{number}.tif", image_of(mask))
        save(root / "AerialImageDataset" / "train" / "gt" / f"austin{number}.tif", mask)
