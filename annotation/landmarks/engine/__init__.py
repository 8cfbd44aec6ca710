"""Between rows of landmarks and the library; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts without it, and meets it with the first
search by words, by a photo or by coordinates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotation.landmarks.engine.columns import (
    ALL,
    Narrowed,
    drop_region,
    nearest_tiles,
    read_state,
    tiles_found,
)
from annotation.landmarks.engine.exporting import FORMS, export_embeddings
from annotation.landmarks.engine.finding import Likest, likeness_to, likest_of, likest_tiles, vectors_of
from annotation.landmarks.engine.floors import LEAST as LEAST_FOR_FLOOR
from annotation.landmarks.engine.learning_data import MOST_LANDMARKS, TilesOfRegions, payload_of
from annotation.landmarks.engine.map_names import named_in
from annotation.landmarks.engine.owners import owned, write_owners
from annotation.landmarks.engine.photos import looks_to, prepare_photo, why_unreadable
from annotation.landmarks.engine.reading import drop_strangers, read_tiles
from annotation.landmarks.engine.region_tiles import count_of, known_tiles, region_tiles
from annotation.landmarks.engine.stores import PHOTOS, TEXTS, TILES, IndexFolder, index_folder
from annotation.landmarks.engine.text_floor import least_for_text
from annotation.landmarks.engine.texts import LandmarkText, picture_of, read_photos, read_texts
from annotation.landmarks.engine.training import checked_search, evaluate_search, search_config, train_search
from annotation.landmarks.engine.weights import Weights, built_in_file, loaded, weights_in_use, weights_of
from annotation.learning.engine import digest_of
from mlcore.errors import InvalidInputError
from mlcore.geometry.coordinates import lonlat_of
from mlcore.imagery.photo import PreparedPhoto

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel

__all__ = [
    "ALL",
    "FORMS",
    "LEAST_FOR_FLOOR",
    "MOST_LANDMARKS",
    "PHOTOS",
    "TEXTS",
    "TILES",
    "IndexFolder",
    "InvalidInputError",
    "LandmarkModel",
    "LandmarkText",
    "Likest",
    "Narrowed",
    "PreparedPhoto",
    "TilesOfRegions",
    "Weights",
    "built_in_file",
    "checked_search",
    "count_of",
    "digest_of",
    "drop_region",
    "drop_strangers",
    "evaluate_search",
    "export_embeddings",
    "index_folder",
    "known_tiles",
    "least_for_text",
    "likeness_to",
    "likest_of",
    "likest_tiles",
    "loaded",
    "lonlat_of",
    "looks_to",
    "named_in",
    "nearest_tiles",
    "owned",
    "payload_of",
    "picture_of",
    "prepare_photo",
    "read_photos",
    "read_state",
    "read_texts",
    "read_tiles",
    "region_tiles",
    "search_config",
    "tiles_found",
    "train_search",
    "vectors_of",
    "weights_in_use",
    "weights_of",
    "why_unreadable",
    "write_owners",
]
