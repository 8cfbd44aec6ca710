"""What is exchanged: points of an image file, where they lie on the ground, and the transform that they support.

Frames: `image_xy` is pixels of the image file, (0, 0) the outer corner of its first pixel, x to the right and y down,
as GDAL counts its ground control points. `map_xy` is in the reference system of the points, x to the east and y to the
north (degrees of longitude and latitude in EPSG:4326), whatever order of axes the system itself names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.gdal import GDAL_ERRORS

Role = Literal["fit", "check"]
MOST_POINTS = 20_000
LARGEST = 1e12
"""No pixel and no coordinate of any reference system in use is larger."""
LONLAT = CRS.from_epsg(4326)


@dataclass(frozen=True, eq=False)
class PlacedTransform:
    """A transform from a drawing of the map to the image, and where that drawing lies.

    Attributes:
        transform: brings pixels of the drawing to pixels of the image.
        map_grid: (2, 3) float64, pixels of the drawing (x right, y down) -> coordinates of the reference system.
    """

    transform: Transform
    map_grid: np.ndarray

    def __post_init__(self) -> None:
        grid = np.asarray(self.map_grid, np.float64)
        if grid.shape != (2, 3) or not np.isfinite(grid).all() or not abs(np.linalg.det(grid[:, :2])) > 0:
            raise InvalidInputError("the grid of a map is a (2, 3) affine of finite numbers that flattens nothing")
        object.__setattr__(self, "map_grid", grid)

    @property
    def image_to_map(self) -> np.ndarray:
        """(3, 3): pixels of the image -> coordinates, to be applied to homogeneous columns."""
        matrix = np.vstack([self.map_grid, [0, 0, 1]]) @ self.transform.inverse().matrix
        return np.asarray(matrix / matrix[2, 2])

    def image_of(self, map_xy: np.ndarray) -> np.ndarray:
        """(N, 2) coordinates -> (N, 2) pixels of the image."""
        pixels = np.linalg.solve(self.map_grid[:, :2], (np.asarray(map_xy) - self.map_grid[:, 2]).T).T
        return self.transform.apply(pixels)


@dataclass(frozen=True, eq=False)
class ControlPoints:
    """Control points of one image file.

    Attributes:
        image_xy, map_xy: (N, 2) float64 each, point by point, in the frames above.
        enabled: (N,) bool; a point that is not is kept and never used.
        roles: (N,) "fit" or "check": a check point is measured against and never fitted.
        residuals_px: (N, 2) where the transform brings the map's point less the image's point, in pixels of the image;
            not a number where nobody measured it.
        crs: of `map_xy`; None: none is known, as in QGIS for a map without georeference, whose y is minus the row.
        placed: the transform that goes with them.
    """

    image_xy: np.ndarray
    map_xy: np.ndarray
    enabled: np.ndarray
    roles: tuple[Role, ...]
    residuals_px: np.ndarray
    crs: CRS | None = None
    placed: PlacedTransform | None = None

    def __post_init__(self) -> None:
        count = len(self.roles)
        shapes = (self.image_xy.shape, self.map_xy.shape, self.residuals_px.shape)
        if set(shapes) != {(count, 2)} or self.enabled.shape != (count,):
            raise InvalidInputError(
                "control points need (N, 2) places on both sides, N flags, N roles, (N, 2) residuals"
            )
        if count > MOST_POINTS:
            raise InvalidInputError(f"{count:,} control points are too many: keep {MOST_POINTS:,} at most")
        places = np.concatenate([self.image_xy, self.map_xy])
        if not np.isfinite(places).all() or (np.abs(places) > LARGEST).any():
            raise InvalidInputError("a control point needs finite coordinates: take out those that are not measured")
        if unknown := set(self.roles) - set(get_args(Role)):
            raise InvalidInputError(f"no control point has the role {sorted(unknown)[0]!r}: it is fit or check")

    @classmethod
    def of(
        cls,
        image_xy: np.ndarray,
        map_xy: np.ndarray,
        crs: CRS | None = None,
        *,
        enabled: np.ndarray | Sequence[bool] | None = None,
        roles: Sequence[Role] | None = None,
        residuals_px: np.ndarray | None = None,
        placed: PlacedTransform | None = None,
    ) -> ControlPoints:
        """Points from what is known of them: enabled, to be fitted and unmeasured where nothing else is said."""
        places = np.asarray(image_xy, np.float64).reshape(-1, 2)
        count = len(places)
        return cls(
            places,
            np.asarray(map_xy, np.float64).reshape(-1, 2),
            np.ones(count, bool) if enabled is None else np.asarray(enabled, bool),
            tuple(roles or ["fit"] * count),
            np.full((count, 2), np.nan) if residuals_px is None else np.asarray(residuals_px, np.float64),
            crs,
            placed,
        )

    def __len__(self) -> int:
        return len(self.roles)

    @property
    def fitted_mask(self) -> np.ndarray:
        """(N,) bool: enabled, and there to be fitted. Formats that can't turn a point off get only these."""
        return self.enabled & np.array([role == "fit" for role in self.roles], bool)

    def only(self, mask: np.ndarray) -> ControlPoints:
        """Those of a mask."""
        roles = tuple(role for role, kept in zip(self.roles, mask, strict=True) if kept)
        return replace(
            self,
            image_xy=self.image_xy[mask],
            map_xy=self.map_xy[mask],
            enabled=self.enabled[mask],
            roles=roles,
            residuals_px=self.residuals_px[mask],
        )

    def lonlat(self) -> np.ndarray:
        """(N, 2) degrees of longitude and latitude (WGS 84).

        Raises:
            InvalidInputError: no reference system is known, or a point lies outside of it.
        """
        if self.crs is None:
            raise InvalidInputError(
                "these control points name no reference system, so they have no longitude: georeference the map, or "
                "write QGIS .points instead"
            )
        if not len(self):
            return np.zeros((0, 2))
        try:
            lonlat = np.array(transform_points(self.crs, LONLAT, self.map_xy[:, 0], self.map_xy[:, 1])).T
        except GDAL_ERRORS as error:
            raise InvalidInputError(f"a control point lies outside of its reference system ({error})") from error
        if not np.isfinite(lonlat).all():
            raise InvalidInputError("a control point lies outside of its reference system: check which one it is in")
        return lonlat

    def rmse_px(self, role: Role) -> float:
        """Root mean square of the residuals of a role's enabled points; not a number where none is measured."""
        chosen = self.enabled & np.array([one == role for one in self.roles], bool)
        squares = (self.residuals_px[chosen] ** 2).sum(axis=1)
        known = squares[np.isfinite(squares)]
        return float(np.sqrt(known.mean())) if len(known) else float("nan")


def tile_grid(tile: TileAddress, size_px: int) -> np.ndarray:
    """(2, 3): pixels of a tile drawn at `size_px` -> EPSG:3857."""
    west, south, _, north = tile.bounds_mercator
    step = (north - south) / size_px
    return np.array([[step, 0, west], [0, -step, north]])
