"""S3: what is installed is pinned, and nothing that is versioned holds a secret."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(line.split("==") for line in (ROOT / "deploy" / "constraints.txt").read_text().split() if "==" in line)
SECRETS = (
    r"-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY",
    r"AKIA[0-9A-Z]{16}",
    r"gh[pousr]_[A-Za-z0-9]{36}",
    r"hf_[A-Za-z0-9]{34}",
    r"sk-[A-Za-z0-9]{40}",
)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_has_one_version():
    named = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    wanted = {plain(re.split(r"[\[<>=!~ ;]", one)[0]) for one in named}
    assert wanted - {plain(name) for name in PINS} == set()
    assert len(PINS) == len({plain(name) for name in PINS})


@pytest.mark.parametrize(
    ("name", "floor"), [("Django", (5, 2, 19)), ("pillow", (12, 3)), ("torch", (2, 10)), ("transformers", (5, 3))]
)
def test_versions_with_known_holes_are_not_pinned(name, floor):
    assert tuple(int(part) for part in re.findall(r"\d+", PINS[name])) >= floor


def test_no_versioned_file_holds_a_secret():
    """By the forms that keys of well-known services and private keys have."""
    command = ["git", "grep", "-InE", "-e", "|".join(SECRETS), "--", ".", ":!tests/deploy/test_pins.py"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "not a git repository" in found.stderr:
        pytest.skip(f"not a git checkout: {found.stderr.strip()}")
    assert (found.returncode, found.stdout, found.stderr) == (1, "", "")
