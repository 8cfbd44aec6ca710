"""Rows of edits as plain osmChange facts, and the server of the map: what is asked of it and what it answers."""

from annotation.edits.engine.answers import Comment, Limits, Listed, Person, Present, Receipt, Written, parse_change
from annotation.edits.engine.areas import Area, Placed, areas
from annotation.edits.engine.areas import Limits as AreaLimits
from annotation.edits.engine.client import OsmApi
from annotation.edits.engine.readback import UnlikeOursError, receipts_of, with_changeset
from annotation.edits.engine.rows import (
    accepted_change,
    base_of,
    check_date_of,
    final_geometry,
    merged_base_of,
    polygons_of,
    tags_after,
    tags_set,
)
from annotation.edits.engine.server import MapServer, ask, check_server
from annotation.edits.engine.server_relation import relation_on_server
from annotation.edits.engine.server_state import state_on_server
from annotation.edits.engine.sign_in import Challenge, authorize_url, fetch_token, new_challenge, revoke_token

__all__ = [
    "Area",
    "AreaLimits",
    "Challenge",
    "Comment",
    "Limits",
    "Listed",
    "MapServer",
    "OsmApi",
    "Person",
    "Placed",
    "Present",
    "Receipt",
    "UnlikeOursError",
    "Written",
    "accepted_change",
    "areas",
    "ask",
    "authorize_url",
    "base_of",
    "check_date_of",
    "check_server",
    "fetch_token",
    "final_geometry",
    "merged_base_of",
    "new_challenge",
    "parse_change",
    "polygons_of",
    "receipts_of",
    "relation_on_server",
    "revoke_token",
    "state_on_server",
    "tags_after",
    "tags_set",
    "with_changeset",
]
