"""The search: tiles and landmarks by words, by a photo, by a tile, by coordinates, and places like that of a change.

What a person may see is settled first, and nothing else is compared. A query that means nothing finds nothing, and the
answer says why.
"""

from annotation.landmarks.search.asked import Answer, Position, Wish
from annotation.landmarks.search.queries import (
    by_photo,
    by_position,
    by_words,
    like_change,
    like_tile,
    waiting_like_change,
)

__all__ = [
    "Answer",
    "Position",
    "Wish",
    "by_photo",
    "by_position",
    "by_words",
    "like_change",
    "like_tile",
    "waiting_like_change",
]
