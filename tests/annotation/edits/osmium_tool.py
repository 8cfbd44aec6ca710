"""osmium-tool, the independent judge of exported edits."""

import shutil
import subprocess
from pathlib import Path


def _osmium(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("osmium")
    assert tool, "osmium-tool is missing: apt-get install osmium-tool, or run deploy/doctor"
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def run_osmium(*arguments: str) -> str:
    """What it says; a failure of the tool fails the test."""
    done = _osmium(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def refs_missing(path: Path) -> str:
    """What check-refs says is missing."""
    return _osmium("check-refs", "-r", "-i", str(path)).stdout
