"""Cursors: what is written is read back, and nothing else is taken for one."""

import base64
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.common.errors import InvalidError
from annotation.common.keyset import Cursor, Order

BY_TIME = Order(("-decided_at", "-id"), (dt.datetime, int))
BY_NUMBER = Order(("priority", "id"), (float, int))


@given(st.datetimes(timezones=st.just(dt.UTC)), st.integers(0, 2**62), st.booleans())
def test_a_cursor_comes_back_as_it_was(stamp, number, backwards):
    cursor = Cursor((stamp, number), backwards)
    assert Cursor.read(cursor.text(), BY_TIME) == cursor


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidError, match="begin at its first page"):
        Cursor.read(text, BY_TIME)


@pytest.mark.parametrize(
    "values", [[0, 1.0], [0, 1.0, 2, 3], [2, 1.0, 2], [0, "1", 2], [0, 1.0, 2.5], [0, True, 2], [0, 1e400, 2], {}, 7]
)
def test_a_cursor_of_another_list_is_refused(values):
    text = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    with pytest.raises(InvalidError, match="begin at its first page"):
        Cursor.read(text, BY_NUMBER)
