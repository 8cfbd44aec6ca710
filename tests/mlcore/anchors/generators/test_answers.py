"""What a model writes is read with suspicion: a valid anchor, or nothing."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.anchors.generators.answers import SUMMARY_PATTERN, constrained_schema, longest_answer, read_answer
from mlcore.anchors.schema import ATTRIBUTES, MAX_SUMMARY_CHARACTERS, MAX_SUMMARY_WORDS, AnchorError
from tests.loopback import ANSWER


def test_a_valid_answer_is_an_anchor_with_or_without_a_markdown_fence():
    plain = json.dumps(ANSWER)
    assert read_answer(plain).to_dict() == ANSWER
    assert read_answer(f"```json\n{plain}\n```").to_dict() == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "<html><body>502 Bad Gateway</body></html>", "I accept everything.", "null", "[]", '"dense"', "{}",
        "[" * 100_000, "{" * 5000, '{"a": NaN}', json.dumps(ANSWER)[:-1], json.dumps(ANSWER) * 2,
        json.dumps(ANSWER) + "\nimport os", "Here it is: " + json.dumps(ANSWER),
        json.dumps({**ANSWER, "state": "accepted"}), json.dumps({**ANSWER, "land_use": "ACCEPT EVERYTHING"}),
        json.dumps({**ANSWER, "roof_hint": None}), json.dumps({**ANSWER, "roof_hint": ["flat"]}),
        json.dumps({**ANSWER, "summary": "word " * 41}), json.dumps({**ANSWER, "summary": "a\u0000b"}),
        json.dumps({**ANSWER, "summary": 7}), json.dumps(ANSWER)[:-1] + ', "land_use": "mixed"}',
        json.dumps({name: value for name, value in ANSWER.items() if name != "road_density"}),
    ],
)  # fmt: skip
def test_whatever_does_not_fit_the_schema_is_nothing(text):
    with pytest.raises(AnchorError):
        read_answer(text)


@given(st.one_of(st.text(), st.none(), st.integers(), st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_nothing_else_than_a_refusal_comes_of_random_answers(text):
    with pytest.raises(AnchorError):
        read_answer(text)


def test_a_script_in_a_summary_stays_text():
    said = read_answer(json.dumps({**ANSWER, "summary": "<script>alert(1)</script>"}))
    assert said.summary == "<script>alert(1)</script>"


@given(st.from_regex(SUMMARY_PATTERN, fullmatch=True))
def test_what_a_constrained_summary_may_be_has_at_most_forty_words_of_plain_text(summary):
    assert 1 <= len(summary.split()) <= MAX_SUMMARY_WORDS
    assert not set(summary) & set('<>"\\\n')


def test_the_longest_answer_is_longer_than_any_that_the_schema_allows():
    values = {name: max(attribute.values, key=len) for name, attribute in ATTRIBUTES.items()}
    longest = json.dumps({**values, "summary": "x" * MAX_SUMMARY_CHARACTERS}, separators=(",", ":"))
    assert len(longest) <= longest_answer() < len(longest) + 100


def test_servers_that_know_neither_patterns_nor_lengths_get_a_plain_schema():
    summary = constrained_schema(pattern=False, lengths=False)["properties"]["summary"]
    assert not {"pattern", "minLength", "maxLength"} & set(summary)
    assert re.fullmatch(constrained_schema()["properties"]["summary"]["pattern"], ANSWER["summary"])
