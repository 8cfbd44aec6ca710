"""The anchor schema: one object, five uses, nothing repaired silently."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.anchors.schema import ATTRIBUTES, AnchorError, anchor_text, json_schema, parse_anchor, review_form

VALID = {name: attribute.values[0] for name, attribute in ATTRIBUTES.items()} | {"summary": "A row of houses."}
anchors = st.fixed_dictionaries(
    {name: st.sampled_from(attribute.values) for name, attribute in ATTRIBUTES.items()}
    | {"summary": st.lists(st.sampled_from(["row", "of", "houses"]), min_size=1, max_size=40).map(" ".join)}
)


def test_there_are_eleven_attributes():
    assert len(ATTRIBUTES) == 11


@given(anchors)
def test_every_combination_of_the_vocabulary_is_valid_and_comes_back(obj):
    jsonschema.validate(obj, json_schema())
    anchor = parse_anchor(obj)
    assert anchor.to_dict() == obj
    text = anchor_text(anchor)
    assert all(f"{name}={obj[name]}" in text for name in ATTRIBUTES) and text.endswith(obj["summary"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.floats(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_junk_is_an_anchor_error_never_another_one(junk):
    with pytest.raises(AnchorError):
        parse_anchor(junk)
    for name in ("roof_hint", "summary"):
        if not isinstance(junk, str):
            with pytest.raises(AnchorError) as caught:
                parse_anchor({**VALID, name: junk})
            assert caught.value.field == name


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"roof_hint": "Flat"}, "roof_hint"),
        ({"roof_hint": " flat"}, "roof_hint"),
        ({"land_use": ""}, "land_use"),
        ({"summary": " ".join(["word"] * 41)}, "summary"),
        ({"summary": "line\nbreak"}, "summary"),
        ({"summary": "x" * 401}, "summary"),
        ({"summary": " "}, "summary"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_does_not_fit_names_its_field(change, field):
    with pytest.raises(AnchorError) as caught:
        parse_anchor({**VALID, **change})
    assert caught.value.field == field and caught.value.code == "invalid_anchor"


def test_a_missing_attribute_names_what_it_may_be():
    with pytest.raises(AnchorError, match="stable, under_construction"):
        parse_anchor({name: value for name, value in VALID.items() if name != "construction_state"})


def test_the_review_form_offers_exactly_the_vocabulary():
    for entry in review_form():
        assert tuple(value for value, _ in entry["choices"]) == ATTRIBUTES[entry["name"]].values
        assert entry["question"].endswith("?")
