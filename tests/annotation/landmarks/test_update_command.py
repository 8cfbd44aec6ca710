"""`manage.py update_search`, which the start of everything calls: it says what can be searched, or why nothing can."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_tiles_are_read_here_and_now_with_progress_and_once(read_region):
    read_region()
    said, steps = StringIO(), StringIO()
    call_command("update_search", stdout=said, stderr=steps)
    assert "4 tiles and 0 landmarks can be searched: 4 tiles were read." in said.getvalue() and "%" in steps.getvalue()
    call_command("update_search", stdout=said, stderr=steps)
    assert "4 tiles and 0 landmarks can be searched: 0 tiles were read." in said.getvalue()


def test_without_weights_it_ends_with_the_reason_and_the_remedy(settings, tmp_path):
    settings.LANDMARKS_WEIGHTS = str(tmp_path / "none.safetensors")
    with pytest.raises(CommandError, match=r"no_search_model: .*MAPWRIGHT_LANDMARKS_WEIGHTS"):
        call_command("update_search", stderr=StringIO())
