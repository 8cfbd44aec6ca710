"""What stands out in a picture without having learnt anything: edges, their direction, corners (Sobel's operator).

All of it is of the picture's lightness; a picture and its negative have the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
MARGIN_PX = 4
"""So near to where nothing is known, and to the picture's frame, nothing is said."""
WINDOW_PX = 7  # over which direction and corners are taken
BLOCK_PX = 101  # over which the direction of buildings is taken
TOP_SHARE = 0.98
"""Of the known pixels: an edge as strong as these stands out; stronger ones a little more, so that peaks stay peaks."""
LEAST_CONTRAST = 1e-3
"""Of lightness per pixel: what is weaker than this everywhere is noise, and is not blown up to 1."""
TINY = 1e-8


def gradients(pictures: Tensor) -> Tensor:
    """Sobel's derivatives of the lightness, by x and by y, per pixel.

    Args:
        pictures: (B, 3, H, W) RGB in 0..1.

    Returns:
        (B, 2, H, W).
    """
    weights = pictures.new_tensor(LUMA).view(1, 3, 1, 1)
    light = F.pad((pictures * weights).sum(dim=1, keepdim=True), [1] * 4, mode="replicate")
    by_x = pictures.new_tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    return F.conv2d(light, torch.stack([by_x, by_x.T])[:, None])


def known_inside(valid: Tensor, margin_px: int = MARGIN_PX) -> Tensor:
    """(B, 1, H, W) 0/1: where everything within `margin_px` is known; `valid`: likewise, what is known."""
    unknown = F.pad(1 - valid, [margin_px] * 4, value=1.0)
    return 1 - highest(unknown, 2 * margin_px + 1)[..., margin_px:-margin_px, margin_px:-margin_px]


def highest(values: Tensor, side_px: int) -> Tensor:
    """(B, C, H, W) the highest within a window about each pixel, by rows and by columns apart; `side_px` is odd."""
    reach = side_px // 2
    return F.max_pool2d(F.max_pool2d(values, (side_px, 1), 1, (reach, 0)), (1, side_px), 1, (0, reach))


def mean(values: Tensor, side_px: int) -> Tensor:
    """The mean likewise, at the frame of what is inside."""
    reach = side_px // 2
    by_columns = F.avg_pool2d(values, (side_px, 1), 1, (reach, 0), count_include_pad=False)
    return F.avg_pool2d(by_columns, (1, side_px), 1, (0, reach), count_include_pad=False)


def edge_saliency(pictures: Tensor, valid: Tensor) -> Tensor:
    """How strong an edge each pixel is of, beside the others of its picture; zero where nothing is known.

    Args:
        pictures: (B, 3, H, W) RGB in 0..1; valid: (B, 1, H, W) 0/1.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    inside = known_inside(valid)
    strength = gradients(pictures).square().sum(dim=1, keepdim=True).sqrt() * inside
    tops = []
    for one, known in zip(strength, inside > 0, strict=True):
        values = one[known].sort().values
        tops.append(values[int(TOP_SHARE * (len(values) - 1))] if len(values) else one.sum())
    top = torch.stack(tops).view(-1, 1, 1, 1)
    return torch.tanh(strength / top.clamp(min=LEAST_CONTRAST))


def structure_tensor(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, 1, H, W) each: mean over a window of gx gx, gx gy and gy gy (Foerstner 1987)."""
    by_x, by_y = gradients(pictures).split(1, dim=1)
    products = torch.cat([by_x * by_x, by_x * by_y, by_y * by_y], 1)
    xx, xy, yy = mean(products, WINDOW_PX).split(1, dim=1)
    return xx, xy, yy


def directions(pictures: Tensor) -> Tensor:
    """The direction across edges about each pixel, as a vector of twice its angle whose length is how sure it is.

    Twice the angle, since an edge from dark to light and one from light to dark are one edge. The picture turned by a
    turns the vectors by 2 a.

    Returns:
        (B, 2, H, W), lengths 0..1.
    """
    xx, xy, yy = structure_tensor(pictures)
    return torch.cat([xx - yy, 2 * xy], 1) / (xx + yy + TINY)


def right_angled_directions(pictures: Tensor) -> Tensor:
    """The direction of the right-angled structure about each pixel, as a vector of four times its angle.

    Four times the angle, since the sides of a building or a block are parallel or stand at right angles: all of them
    say the same, where twice the angle is undecided at every corner. The picture turned by a turns the vectors by 4 a.

    Returns:
        (B, 2, H, W), lengths 0..1.
    """
    by_x, by_y = gradients(pictures).split(1, dim=1)
    power = (by_x**2 + by_y**2).clamp(min=TINY)
    twice = (by_x**2 - by_y**2, 2 * by_x * by_y)
    four = torch.cat([twice[0] ** 2 - twice[1] ** 2, 2 * twice[0] * twice[1]], 1) / power
    around = mean(torch.cat([four, power], 1), BLOCK_PX)
    return around[:, :2] / around[:, 2:]


def corner_strength(pictures: Tensor, valid: Tensor) -> Tensor:
    """Root of the smaller eigenvalue of the structure tensor (Shi and Tomasi 1994), by the largest of the picture.

    The root grows with the contrast, not with its square, so that one glaring corner does not hide the others.

    Returns:
        (B, 1, H, W) in 0..1, zero where nothing is known.
    """
    xx, xy, yy = structure_tensor(pictures)
    smaller = 0.5 * (xx + yy - ((xx - yy) ** 2 + 4 * xy**2).sqrt())
    strength = smaller.clamp(min=0).sqrt() * known_inside(valid)
    return strength / strength.amax(dim=(1, 2, 3), keepdim=True).clamp(min=LEAST_CONTRAST)
