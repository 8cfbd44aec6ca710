"""Browser tests wait for what a page says: a busy machine gets longer limits, and none waits for a time to pass."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "browser"
OF_ITS_OWN = re.compile(r"timeout=\d|set_default_timeout\(\d|wait_for_timeout")


def test_no_wait_of_a_browser_test_has_a_length_of_its_own():
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in sorted(FOLDER.glob("test_*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OF_ITS_OWN.search(line)
    ]
    assert found == []
