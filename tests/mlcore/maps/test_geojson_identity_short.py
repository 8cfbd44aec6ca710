"""Short ids are OSM's where osmium and QGIS write them, and a register's where a property is just called `id`."""

from __future__ import annotations

import pytest

from mlcore.maps.geojson_identity import identity_of
from mlcore.maps.geojson_records import MAPPER


@pytest.mark.parametrize(
    ("feature", "properties", "identity"),
    [
        ({"id": "w12"}, {}, ("way", 12)),
        ({"id": "way/12"}, {}, ("way", 12)),
        ({}, {"full_id": "r7"}, ("relation", 7)),
        ({}, {"id": "way/12"}, ("way", 12)),
        ({}, {"id": "a12"}, (None, None)),
        ({}, {"id": "A12"}, (None, None)),
        ({"id": "R7"}, {}, (None, None)),
        ({}, {"type": ["a"], "id": {}}, (None, None)),
    ],
)
def test_an_id_is_taken_for_an_element_where_it_says_so(feature, properties, identity):
    assert identity_of(feature, properties, "feature 1") == identity


@pytest.mark.parametrize("word", ["Creator", "Editor", "last_edited_by", "osm:user", "modified_by", "created_user"])
def test_who_mapped_is_known_in_every_spelling(word):
    assert MAPPER.fullmatch(word)


@pytest.mark.parametrize("word", ["created_by", "building:use", "abuser", "operator"])
def test_tags_are_no_mappers(word):
    assert not MAPPER.fullmatch(word)
