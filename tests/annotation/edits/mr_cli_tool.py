"""MapRoulette's own command line, `mr`: what its reader makes of a challenge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

READER = Path(__file__).with_name("read_challenge.cjs")
FOLDER = os.environ.get("MAPWRIGHT_MR_CLI", "")
MISSING = (
    "no mr-cli: `npm install @maproulette/mr-cli`, or clone github.com/maproulette/mr-cli and `npm ci` there, then "
    "set MAPWRIGHT_MR_CLI to the folder that holds its src"
)


def mr_cli_is_here() -> bool:
    """Whether its folder is named and node is installed."""
    return bool(FOLDER) and Path(FOLDER, "src", "common", "utils.js").is_file() and shutil.which("node") is not None


def read_by_mr_cli(challenge: Path, server: str) -> list[list[dict[str, Any]]]:
    """Of each task the elements that no other one of it uses: key, operation, tags, geometry as GeoJSON.

    Args:
        server: address of an API that knows what the tasks' files only name.
    """
    command = ["node", str(READER), FOLDER, str(challenge), server]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {task["format"] for task in told} == {"osc"}
    return [task["elements"] for task in told]
