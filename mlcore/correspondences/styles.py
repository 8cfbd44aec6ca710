"""Maps drawn in many styles: random ones to learn from, and named ones that training never uses.

A style is colours and widths for the renderer, and what is drawn over its picture: hatched or stippled buildings,
labels, a grid, contour lines, the look of a scan.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.maps.style import Colour, MapStyle, RoadClass, load_style

WORDS = ("Market", "School", "12", "St Mary", "Depot", "27a", "Hall", "4", "Lane", "Mill")
OWN_SHARE = 0.15
"""Of training pictures in the product's own style."""


@dataclass(frozen=True)
class Dress:
    """What is drawn over the renderer's picture.

    Attributes:
        hatch: distance in pixels of the lines that fill buildings; 0: none.
        stipple: distance of the dots that fill buildings; 0: none.
        labels: words on the picture.
        grid_px: distance of grid lines; 0: none.
        contours: lines of equal height of a made-up relief.
        scan: 0..1, how worn the paper and how poor the scanner.
    """

    hatch: int = 0
    stipple: int = 0
    labels: int = 0
    grid_px: int = 0
    contours: bool = False
    scan: float = 0.0


@dataclass(frozen=True)
class DrawnStyle:
    """A style by which a map becomes a picture."""

    name: str
    style: MapStyle
    dress: Dress = Dress()

    def draw(
        self,
        tile: TileAddress,
        index: MapIndex,
        size_px: int,
        rng: np.random.Generator,
        moved: Transform | None = None,
    ) -> np.ndarray:
        """uint8 (S, S, 3) RGB."""
        renderer = MapRenderer(self.style)
        picture = renderer.render(tile, index, size_px, moved)
        if self.dress.hatch or self.dress.stipple:
            mask = renderer.building_mask(tile, index, size_px, moved)
            picture = _filled(picture, mask > 127, self.dress, self.style.building_outline)
        return dressed(picture, self.dress, rng, self.style.building_outline)


def own_style() -> DrawnStyle:
    """The product's."""
    return DrawnStyle("own", load_style())


def random_style(rng: np.random.Generator) -> DrawnStyle:
    """A style to learn from: any colours, widths, outlines alone or filled, hatching, labels, scans."""
    if rng.random() < OWN_SHARE:
        return own_style()
    base, ground, dark = load_style(), _colour(rng, 0.4), rng.random() < 0.25
    background = _colour(rng, 0.25, (0.05, 0.35) if dark else (0.75, 1.0))
    ink = _colour(rng, 0.5, (0.6, 1.0) if dark else (0.0, 0.5))
    outlines_only = rng.random() < 0.2
    fill = background if outlines_only else _colour(rng, 0.6)
    roads_drawn = rng.random() < 0.8
    road = _colour(rng, 0.3) if roads_drawn else background
    casing = _colour(rng, 0.3) if roads_drawn else background
    width = float(rng.uniform(0.5, 1.6))
    roads = {name: RoadClass(one.name, one.rank, one.width_m * width, road, casing) for name, one in base.roads.items()}
    style = replace(
        base, background=background, green=ground, green_by_class={}, water=_colour(rng, 0.5),
        building_fill=fill, building_outline=ink if outlines_only or rng.random() < 0.6 else fill,
        building_outline_px=int(rng.integers(1, 3)), road_area=road, roads=roads, default_road=roads["unclassified"],
        rail_fill=ink, rail_casing=casing,
    )  # fmt: skip
    dress = Dress(
        hatch=int(rng.integers(3, 8)) if rng.random() < 0.2 else 0,
        labels=int(rng.integers(1, 7)) if rng.random() < 0.4 else 0,
        scan=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.3 else 0.0,
    )
    return DrawnStyle("random", style, dress)


def unseen_styles() -> dict[str, DrawnStyle]:
    """The styles of the protocol *other style*: grids, contours, stippling and these colours are never learnt from."""
    base = load_style()

    def coloured(background: Colour, fill: Colour, outline: Colour, road: Colour, green: Colour) -> MapStyle:
        roads = {name: RoadClass(one.name, one.rank, one.width_m, road, outline) for name, one in base.roads.items()}
        return replace(
            base, background=background, building_fill=fill, building_outline=outline, road_area=road, roads=roads,
            default_road=roads["unclassified"], green=green, green_by_class={},
        )  # fmt: skip

    blue, white = (24, 60, 130), (235, 240, 250)
    blueprint = coloured(blue, blue, white, blue, blue)
    relief = coloured((240, 236, 220), (90, 80, 70), (60, 50, 45), (250, 210, 150), (190, 215, 160))
    plan = coloured((255, 255, 255), (255, 255, 255), (30, 30, 30), (245, 245, 245), (240, 248, 236))
    return {
        "blueprint": DrawnStyle("blueprint", blueprint, Dress(grid_px=64)),
        "relief": DrawnStyle("relief", relief, Dress(contours=True, labels=3)),
        "stippled": DrawnStyle("stippled", plan, Dress(stipple=4, labels=4, scan=0.5)),
    }


def dressed(picture: np.ndarray, dress: Dress, rng: np.random.Generator, ink: Colour) -> np.ndarray:
    """The picture with everything over it that is not tied to its buildings."""
    picture = picture.copy()
    height, width = picture.shape[:2]
    if dress.contours:
        relief = cv2.resize(rng.normal(size=(6, 6)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        lines = np.abs((relief * 6) % 1.0 - 0.5) > 0.47
        picture[lines] = (picture[lines] * 0.4 + np.array([150, 100, 50]) * 0.6).astype(np.uint8)
    if dress.grid_px:
        picture[dress.grid_px // 2 :: dress.grid_px] = ink
        picture[:, dress.grid_px // 2 :: dress.grid_px] = ink
    for _ in range(dress.labels):
        place = (int(rng.integers(0, max(1, width - 40))), int(rng.integers(10, max(11, height))))
        word, size = WORDS[int(rng.integers(len(WORDS)))], float(rng.uniform(0.3, 0.7))
        cv2.putText(picture, word, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
    return scanned(picture, dress.scan, rng) if dress.scan else picture


def scanned(picture: np.ndarray, wear: float, rng: np.random.Generator) -> np.ndarray:
    """The picture as an old sheet on a poor scanner: yellowed, unevenly lit, blurred, specked and pressed."""
    height, width = picture.shape[:2]
    values = cv2.GaussianBlur(picture, (0, 0), 0.3 + 0.9 * wear).astype(np.float32)
    light = cv2.resize(rng.normal(1, 0.12 * wear, (4, 4)).astype(np.float32), (width, height))
    paper = np.array([1.0, 1 - 0.06 * wear, 1 - 0.2 * wear], np.float32)
    values = values * light[..., None] * paper + rng.normal(0, 9 * wear, (height, width, 1)).astype(np.float32)
    pressed = cv2.imencode(".jpg", np.clip(values, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(pressed, cv2.IMREAD_COLOR))


def _filled(picture: np.ndarray, inside: np.ndarray, dress: Dress, ink: Colour) -> np.ndarray:
    rows, columns = np.indices(inside.shape)
    pattern = np.zeros_like(inside)
    if dress.hatch:
        pattern |= (rows + columns) % dress.hatch == 0
    if dress.stipple:
        pattern |= (rows % dress.stipple == 0) & (columns % dress.stipple == 0)
    picture = picture.copy()
    picture[pattern & inside] = ink
    return picture


def _colour(rng: np.random.Generator, saturation: float, lightness: tuple[float, float] = (0.15, 1.0)) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(rng.random(), rng.uniform(*lightness), rng.uniform(0, saturation))
    return int(255 * red), int(255 * green), int(255 * blue)
