"""The picture of an image for a browser that looks at it closely."""

from __future__ import annotations

from pathlib import Path

import cv2

from annotation.common.errors import InvalidError
from mlcore.imagery.photo import read_copy

MOST_SIDE_PX = 8192
"""Browsers and tablets draw no picture much larger."""
QUALITY = 90


def picture_jpeg(picture: Path) -> bytes:
    """The upright picture as JPEG, whole, or at MOST_SIDE_PX where it is larger.

    Raises:
        MlcoreError: the copy can't be read.
        InvalidError: it can't be written.
    """
    rgb, _, _ = read_copy(picture, MOST_SIDE_PX)
    done, written = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise InvalidError("this picture can't be shown: send it again")
    return written.tobytes()
