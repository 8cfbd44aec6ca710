"""Georeference Annotations of IIIF, as Allmaps reads them.

IIIF Georeference Extension (https://iiif.io/api/extension/georef/), sections 3.2 to 3.6: a Web Annotation whose target
is an image service or a region of it and whose body is a FeatureCollection of points in WGS 84, each with its
`resourceCoords`, the pixel (x, y) from the image's upper left corner. There is no way to turn a point off, so only
points that are fitted are written.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file

CONTEXT = ["http://iiif.io/api/extension/georef/1/context.json", "http://iiif.io/api/presentation/3/context.json"]
ADDRESS = re.compile(r"https?://[^\s\"<>]+\Z")
LEAST_POINTS = 3


def annotation_of(points: ControlPoints, image_service: str, width: int, height: int) -> dict[str, Any]:
    """The annotation of an image, the whole of it its mask.

    An affine or less asks for a polynomial of the first order; a homography, for which the extension has no name, for a
    thin plate spline, which goes through all points. Without a transform the client chooses.

    Args:
        image_service: address of the image's IIIF Image API (version 3) service.
        width, height: of the image in pixels.

    Raises:
        InvalidInputError: no address, no size, too few points, or no reference system.
    """
    if not ADDRESS.match(image_service):
        raise InvalidInputError(
            f"{image_service!r} is no address of an image service: publish the image with an IIIF server, and give the "
            "address before /info.json"
        )
    if width < 1 or height < 1:
        raise InvalidInputError("an annotation needs the size of its image in pixels")
    used = points.only(points.fitted_mask)
    if len(used) < LEAST_POINTS:
        raise InvalidInputError(
            f"{len(used)} enabled points are too few for an annotation: give {LEAST_POINTS} or more"
        )
    features = [
        {
            "type": "Feature",
            "properties": {"resourceCoords": [float(xy[0]), float(xy[1])]},
            "geometry": {"type": "Point", "coordinates": [float(lonlat[0]), float(lonlat[1])]},
        }
        for xy, lonlat in zip(used.image_xy, used.lonlat(), strict=True)
    ]
    body: dict[str, Any] = {"type": "FeatureCollection"}
    if points.placed is not None:
        bent = points.placed.transform.kind == "homography"
        first_order = {"type": "polynomial", "options": {"order": 1}}
        body["transformation"] = {"type": "thinPlateSpline"} if bent else first_order
    mask = f"0,0 {width},0 {width},{height} 0,{height}"
    return {
        "@context": CONTEXT,
        "type": "Annotation",
        "motivation": "georeferencing",
        "target": {
            "type": "SpecificResource",
            "source": {"id": image_service, "type": "ImageService3", "height": height, "width": width},
            "selector": {
                "type": "SvgSelector",
                "value": f'<svg width="{width}" height="{height}"><polygon points="{mask}" /></svg>',
            },
        },
        "body": body | {"features": features},
    }


def write_annotation(points: ControlPoints, path: Path, image_service: str, width: int, height: int) -> None:
    """`annotation_of` as a file."""
    annotation = annotation_of(points, image_service, width, height)
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(annotation, indent=1, allow_nan=False) + "\n", encoding="utf-8")
