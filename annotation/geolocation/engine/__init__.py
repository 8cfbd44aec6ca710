"""Between rows of geolocation and the library; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.geolocation.engine.base_pictures import base_bounds, base_webp
from annotation.geolocation.engine.bases import RowBases, base_of, cut_file, cut_imagery
from annotation.geolocation.engine.becoming import FORMS, PlaceFile, PlacePoints, place_file, points_of, warp
from annotation.geolocation.engine.features import (
    Built,
    build_features,
    database_folder,
    locator_for,
    locator_in_use,
)
from annotation.geolocation.engine.find import apart_m, find, make_searcher, prior_of
from annotation.geolocation.engine.flight_ranks import Ranked, ranked_flight
from annotation.geolocation.engine.found import Found, Prior, distance_m
from annotation.geolocation.engine.person_points import (
    MODELS,
    MOST_POINTS,
    USES,
    PointsFit,
    StartPoints,
    fit_points,
    kept_points,
    start_points,
)
from annotation.geolocation.engine.picture import picture_jpeg
from annotation.geolocation.engine.places import Place, check_importable, check_sane, place_of, place_of_corners
from annotation.geolocation.engine.points_file import points_of_file
from annotation.geolocation.engine.prepare import prepare_image
from annotation.geolocation.engine.tile_blocks import (
    TileBlock,
    block_row,
    set_folder,
    tile_blocks,
    tile_picture,
    tile_resolution_m,
    tiles_of,
)
from annotation.geolocation.engine.tile_servers import TileServer, check_template, fetch_tiles
from annotation.learning.engine.weights import Weights
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.ingestion.mosaic import mosaic_apart

__all__ = [
    "FORMS",
    "MODELS",
    "MOST_POINTS",
    "USES",
    "Built",
    "Found",
    "InvalidInputError",
    "Place",
    "PlaceFile",
    "PlacePoints",
    "PointsFit",
    "Prior",
    "Ranked",
    "RowBases",
    "StartPoints",
    "TileAddress",
    "TileBlock",
    "TileServer",
    "Weights",
    "apart_m",
    "base_bounds",
    "base_of",
    "base_webp",
    "block_row",
    "build_features",
    "check_importable",
    "check_sane",
    "check_template",
    "cut_file",
    "cut_imagery",
    "database_folder",
    "distance_m",
    "fetch_tiles",
    "find",
    "fit_points",
    "kept_points",
    "locator_for",
    "locator_in_use",
    "make_searcher",
    "mosaic_apart",
    "picture_jpeg",
    "place_file",
    "place_of",
    "place_of_corners",
    "points_of",
    "points_of_file",
    "prepare_image",
    "prior_of",
    "ranked_flight",
    "set_folder",
    "start_points",
    "tile_blocks",
    "tile_picture",
    "tile_resolution_m",
    "tiles_of",
    "warp",
]
