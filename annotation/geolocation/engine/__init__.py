"""Between rows of geolocation and the library; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.geolocation.engine.bases import RowBases, base_of, cut_file, cut_imagery
from annotation.geolocation.engine.features import (
    Built,
    LocatorFile,
    build_features,
    database_folder,
    locator_for,
    locator_in_use,
)
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
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.ingestion.mosaic import mosaic_apart

__all__ = [
    "Built",
    "InvalidInputError",
    "LocatorFile",
    "RowBases",
    "TileAddress",
    "TileBlock",
    "TileServer",
    "base_of",
    "block_row",
    "build_features",
    "check_template",
    "cut_file",
    "cut_imagery",
    "database_folder",
    "fetch_tiles",
    "locator_for",
    "locator_in_use",
    "mosaic_apart",
    "set_folder",
    "tile_blocks",
    "tile_picture",
    "tile_resolution_m",
    "tiles_of",
]
