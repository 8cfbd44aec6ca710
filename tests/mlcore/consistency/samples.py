"""Small drawn pairs whose image shows exactly what their map says."""

import numpy as np

from mlcore.anchors.schema import ATTRIBUTES, parse_anchor
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import Pair

GROUND, ROOF, FILL, OUTLINE = (110, 120, 80), (190, 90, 70), (201, 183, 166), (140, 117, 99)
PAPER = (244, 241, 234)


def draw(boxes, size=64):
    """(image, map, mask) with roofs in `boxes`, each (x, y, width, height) in pixels."""
    image = np.full((size, size, 3), GROUND, np.uint8)
    map_ = np.full((size, size, 3), PAPER, np.uint8)
    mask = np.zeros((size, size), np.uint8)
    for x, y, width, height in boxes:
        image[y : y + height, x : x + width] = ROOF
        map_[y : y + height, x : x + width] = OUTLINE
        map_[y + 1 : y + height - 1, x + 1 : x + width - 1] = FILL
        mask[y : y + height, x : x + width] = 255
    return image, map_, mask


def random_boxes(random, count=4, size=64):
    """Boxes on a 4 x 4 grid of cells, apart from one another."""
    step = size // 4
    places = random.choice(16, count, replace=False)
    sides = random.integers(8, 12, (count, 2))
    return [
        (step * int(p % 4) + 2, step * int(p // 4) + 2, int(w), int(h)) for p, (w, h) in zip(places, sides, strict=True)
    ]


def make_pairs(count, seed=0, size=64):
    random = np.random.default_rng(seed)
    pairs = []
    for number in range(count):
        image, map_, mask = draw(random_boxes(random, int(random.integers(1, 7)), size), size)
        noise = random.integers(-12, 12, image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
        valid = np.ones((size, size), bool)
        pairs.append(Pair(TileAddress(17, 90_000 + number, 50_000 + seed), image, map_, mask, valid, 1.0, True))
    return pairs


def make_anchors(pairs):
    anchors = {}
    for pair in pairs:
        density = "sparse" if pair.mask.mean() < 20 else "moderate" if pair.mask.mean() < 40 else "dense"
        values = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()}
        anchors[pair.tile] = parse_anchor({**values, "building_density": density, "summary": f"A {density} tile."})
    return anchors
