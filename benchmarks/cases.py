"""How many of the case folders come out right: small inputs that other tools wrote, each with its right outcome.

    python benchmarks/cases.py

* `cases`: folders at hand (`$MAPWRIGHT_CASES`, or shared/cases beside the project).
* `passed`: those whose check in tests/cases passes; a folder without a check does not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import ROOT, write_result
from tests.cases.test_cases import FOLDER


class Tally:
    """Names of the cases that passed."""

    def __init__(self) -> None:
        self.passed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and "[" in report.nodeid:
            self.passed.add(report.nodeid.split("[")[1].rstrip("]"))


def main() -> None:
    tally = Tally()
    pytest.main(["-q", str(ROOT / "tests" / "cases" / "test_cases.py")], plugins=[tally])
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    for name in sorted(folders - tally.passed):
        print(f"not right, or without a check: {name}")
    write_result("cases", {"cases": len(folders), "passed": len(folders & tally.passed)})


if __name__ == "__main__":
    main()
