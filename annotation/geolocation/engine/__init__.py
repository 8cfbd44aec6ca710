"""Rows of geolocation <-> the library's types."""

from annotation.geolocation.engine.becoming import FORMS, PlaceFile, place_file, points_of, warp
from annotation.geolocation.engine.find import apart_m, find, prior_of
from annotation.geolocation.engine.grounds import Ground
from annotation.geolocation.engine.places import Place, check_sane, place_of, place_of_corners
from annotation.geolocation.engine.prepare import prepare
from annotation.geolocation.engine.search import Found, Prior, Searcher, distance_m, make_searcher

__all__ = [
    "FORMS", "Found", "Ground", "Place", "PlaceFile", "Prior", "Searcher", "apart_m", "check_sane", "distance_m",
    "find", "make_searcher", "place_file", "place_of", "place_of_corners", "points_of", "prepare", "prior_of", "warp",
]  # fmt: skip
