"""ARCHITECTURE.md names every package once, and no package that is gone; it justifies every dependency."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def packages() -> set[str]:
    """Packages one level below mlcore and annotation."""
    found = (path.parent for top in ("mlcore", "annotation") for path in (ROOT / top).glob("*/__init__.py"))
    return {path.relative_to(ROOT).as_posix() for path in found}


def described() -> list[str]:
    """Packages that have a line in a table, as `mlcore/tiles`."""
    return re.findall(r"^\| `((?:mlcore|annotation)/\w+)` \| \S", TEXT, flags=re.M)


def dependencies() -> list[str]:
    """Names of every Python and npm dependency, without versions and extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    npm = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    return [re.split(r"[\[<>=!~ ;]", name)[0] for name in wanted] + list(npm.get("dependencies", {}))


def test_every_package_has_its_line():
    assert packages() - set(described()) == set()


def test_no_line_is_about_a_package_that_is_gone():
    assert set(described()) - packages() == set()


def test_no_package_has_two_lines():
    assert len(described()) == len(set(described()))


def test_every_dependency_is_named_with_its_reason():
    assert [name for name in dependencies() if name not in TEXT] == []


def test_every_package_opens_with_a_sentence_of_purpose():
    silent = [
        path.relative_to(ROOT).as_posix()
        for top in ("mlcore", "annotation", "webapp")
        for path in (ROOT / top).rglob("__init__.py")
        if "migrations" not in path.parts and not path.read_text(encoding="utf-8").lstrip().startswith('"""')
    ]
    assert silent == []


def test_the_web_server_starts_without_torch():
    """Engines import it where they use it; every command would pay for it otherwise."""
    code = "import django, sys; django.setup(); import webapp.urls; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
