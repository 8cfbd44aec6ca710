"""S2: no statement is made of pieces, nothing is unpickled, no page takes text for markup."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RULES = "S102,S301,S302,S307,S308,S608,S610,S611"
"""Of ruff: exec, pickle, marshal, eval, mark_safe, SQL made of strings, extra(), RawSQL()."""
LOOKED_AT = {
    ("annotation/edits/services/beside.py", "S611"): "constants, their values are parameters",
    ("annotation/edits/neighbourhood.py", "S611"): "constants, their values are parameters",
    (
        "annotation/review/lists.py",
        "S608",
    ): "statements of the ORM and names of columns of ours; all values are parameters",
    ("annotation/changes/objects.py", "S611"): "a constant, its values are parameters",
    ("annotation/learning/selectors.py", "S611"): "a constant, its values are parameters",
    ("annotation/tiles/engine.py", "S611"): "a constant, its values are parameters",
    ("annotation/common/batched_sql.py", "S608"): "the quoted name of a table of ours, in migrations alone",
    ("annotation/common/geopackage.py", "S608"): "names that were checked to be plain words",
    ("annotation/geolocation/migrations/0004_who_sees_old_places.py", "S608"): "constants of the migration",
    ("mlcore/landmarks/catalogue.py", "S608"): "question marks alone, as many as there are values",
}
MARKUP = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|srcdoc|setHTMLUnsafe|parseFromString|createContextualFragment)\b"
    r"|document\.write|\beval\(|new Function\("
)
TRUSTED = re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off|\bsafeseq\b")


def found_in(folder: Path) -> set[tuple[str, str]]:
    """What ruff finds below a folder, whatever a comment there says: file and rule."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore-noqa", "--no-cache"]
    command += ["--select", RULES, "--output-format", "json", "--exit-zero"]
    done = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return {(Path(one["filename"]).resolve().relative_to(folder.resolve()).as_posix(), one["code"]) for one in told}


def test_s2_python_makes_no_statement_of_strings_and_unpickles_and_trusts_nothing():
    found = {
        (f"{part}/{file}", code) for part in ("annotation", "mlcore", "webapp") for file, code in found_in(ROOT / part)
    }
    assert found - LOOKED_AT.keys() == set(), "use parameters, or name it in LOOKED_AT with the reason"
    assert LOOKED_AT.keys() - found == set(), "nothing of the kind is there any more"


@pytest.mark.parametrize(
    "line",
    [
        "cursor.execute(f\"SELECT * FROM t WHERE name = '{name}'\")",
        "import pickle\npickle.loads(data)",
        "from django.utils.safestring import mark_safe\nmark_safe(text)",
    ],
)
def test_s2_each_of_them_would_be_found(tmp_path: Path, line: str):
    (tmp_path / "one.py").write_text(f"{line}\n")
    assert {file for file, _ in found_in(tmp_path)} == {"one.py"}


@pytest.mark.parametrize(
    ("folder", "suffix", "banned"), [("static/js", ".js", MARKUP), ("templates", ".html", TRUSTED)]
)
def test_s2_pages_show_text_as_text(folder: str, suffix: str, banned: re.Pattern[str]):
    paths = [path for path in (ROOT / folder).rglob(f"*{suffix}") if "vendor" not in path.parts]
    assert len(paths) > 10
    assert {str(path.relative_to(ROOT)): hit[0] for path in paths if (hit := banned.search(path.read_text()))} == {}
