"""Every check on concurrency, crashes, bad input, access and operation has a test that carries its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
CHECKS = {"C": 9, "F": 9, "I": 10, "Z": 6, "S": 6}
"""C1 to C9, and so on."""
NAMED = re.compile(r"\b([CFIZS])(\d{1,2})(?:-\1?(\d{1,2}))?\b")


def named_in(source: str) -> set[str]:
    """The checks that tests of a file are named after, or that their docstrings, or the file's, tell of."""
    tree = ast.parse(source)
    tests = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    if not tests:
        return set()
    found = {one.name.split("_")[1].upper() for one in tests}
    for said in filter(None, map(ast.get_docstring, (tree, *tests))):
        found |= set(_told(said))
    return found


def _told(text: str) -> Iterator[str]:
    """`I1-I3` tells of three."""
    for letter, first, last in NAMED.findall(text):
        yield from (f"{letter}{number}" for number in range(int(first), int(last or first) + 1))


@pytest.fixture(scope="module")
def named() -> set[str]:
    paths = [path for path in TESTS.rglob("test_*.py") if path != Path(__file__).resolve()]
    return set().union(*(named_in(path.read_text(encoding="utf-8")) for path in paths))


@pytest.mark.parametrize(
    "check", [f"{letter}{number + 1}" for letter, most in CHECKS.items() for number in range(most)]
)
def test_a_check_has_a_test_of_its_name(named: set[str], check: str):
    assert check in named


def test_a_name_counts_only_where_a_test_carries_it():
    assert named_in('"""C1."""\n\ndef helper():\n    """C2."""\n') == set()
    assert named_in('"""C1, I3-I5."""\n\ndef test_z2_x():\n    """F9."""\n') == {"C1", "I3", "I4", "I5", "Z2", "F9"}
