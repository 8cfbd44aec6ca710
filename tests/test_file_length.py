"""No source file grows past 300 lines: it splits by verb or noun before."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 300
SUFFIXES = {".py", ".js", ".mjs", ".css", ".html", ".sh"}


def sources() -> list[Path]:
    """Files under version control or about to be, outside migrations."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.suffix in SUFFIXES and "migrations" not in path.parts and path.is_file()]


def test_no_source_file_is_longer_than_300_lines():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    assert len(lengths) > 100
    assert {name: lines for name, lines in lengths.items() if lines > LIMIT} == {}
