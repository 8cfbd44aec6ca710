"""First decision and takeover: `deploy/run` with its packages installed, the demo, a decision, the model of the region.

Clones the committed project into an empty folder and lets `deploy/run` install its packages there. Then, with a
database of its own that is still to be made, runs `deploy/run` again, claims the first building change of the general
model over the API and decides it; waits until the region's own model has taken the queue over, and looks whether the
decision stands.

    python benchmarks/first_look.py [--keep]
    python benchmarks/first_look.py --clone FOLDER     # again, in a clone that was kept, with its packages installed

`minutes`: from that second start to the decision. `minutes_from_imports`: from the end of the last import to the end of
the first look. `minutes_to_own_queue`: from the start to the end of the main job. `answers_lost` and `asked_again`: of
the decisions before the takeover. System packages are as they are on this machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.cold_start import call, decide_one, free_port, signed_in, start, stop
from benchmarks.common import ROOT, write_result

LIMIT_S = 60 * 60
FIRST, MAIN, IMPORTS = "changes.first_look", "changes.main_job", ("sources.import_imagery", "sources.import_map")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep the clone for a look")
    parser.add_argument("--clone", type=Path, help="an earlier run's clone, brought to this commit")
    args = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="mapwright-look-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    folder.chmod(0o755)
    clone = args.clone.resolve() if args.clone else folder / "mapwright"
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAPWRIGHT_", "DJANGO_", "VIRTUAL_ENV"))
    }
    env = kept | {"PYTHONUNBUFFERED": "1"}
    first, then = (env | {"MAPWRIGHT_VAR": str(folder / name)} for name in ("installing", "demo"))
    try:
        bring(clone)
        install = ["bash", "deploy/run", "--no-region", "--until-ready", "--port", str(free_port())]
        subprocess.run(install, cwd=clone, env=first, check=True)
        write_result("first_look", decisions(clone, then))
    finally:
        for used in (first, then):
            subprocess.run(["bash", "deploy/services", "stop"], cwd=clone, env=used, check=False)
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


def bring(clone: Path) -> None:
    """The commit of this checkout, into a new clone or one that is there."""
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        return
    subprocess.run(["git", "fetch", "--quiet", str(ROOT), "HEAD"], cwd=clone, check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", "FETCH_HEAD"], cwd=clone, check=True)


def decisions(clone: Path, env: dict[str, str]) -> dict[str, float]:
    """Starts the clone, decides one change of the first look, and waits for the queue of the region's own model."""
    port = free_port()
    started = time.monotonic()
    process, said = start(clone, env, port)
    try:
        address = f"http://127.0.0.1:{port}"
        decide_one(address, said)
        decided, load = time.monotonic() - started, os.getloadavg()[0]
        token = signed_in(address, said)
        region = call(address, "/api/regions/", token=token)["results"][0]["id"]
        before = listed(address, region, token)
        jobs = finished(address, region, token)
        own = time.monotonic() - started
        after = {row["id"]: row for row in listed(address, region, token)}
    finally:
        stop(process)
    answers = [row for row in before if row["state"] == "decided"]
    lost = [row for row in answers if after.get(row["id"], {}).get("decision") != row["decision"]]
    waiting = [row for row in after.values() if row["state"] == "open"]
    again = [one for one in answers if any(same_building(one, row) for row in waiting)]
    ended = {kind: _at(jobs[kind]["finished_at"]) for kind in (*IMPORTS, FIRST)}
    return {
        "minutes": round(decided / 60, 2),
        "load_average": round(load, 1),
        "minutes_from_imports": round((ended[FIRST] - max(ended[kind] for kind in IMPORTS)).total_seconds() / 60, 2),
        "minutes_to_own_queue": round(own / 60, 2),
        "tiles": jobs[FIRST]["result"]["scored"],
        "suggestions_first": jobs[FIRST]["result"]["changes"]["made"],
        "suggestions_own": jobs[MAIN]["result"]["changes"]["made"],
        "answers": len(answers),
        "answers_lost": len(lost),
        "asked_again": len(again),
    }


def finished(address: str, region: int, token: str) -> dict[str, dict[str, Any]]:
    """The region's jobs by kind, once the main job has ended."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        summary = call(address, f"/api/regions/{region}/summary/", token=token)
        jobs = {job["kind"]: job for job in summary["jobs"]}
        state = jobs.get(MAIN, {}).get("state")
        if state == "succeeded":
            return {kind: call(address, f"/api/jobs/{job['id']}/", token=token) for kind, job in jobs.items()}
        if state in {"failed", "cancelled"}:
            raise SystemExit(f"the main job ended without a result: {jobs[MAIN]['error']}")
        time.sleep(2)
    raise SystemExit("the main job did not end within an hour")


def listed(address: str, region: int, token: str) -> list[dict[str, Any]]:
    """Every open or decided change of the region."""
    rows: list[dict[str, Any]] = []
    path = f"/api/regions/{region}/changes/?page_size=200"
    while path:
        page = call(address, path, token=token)
        rows += page["results"]
        path = (page.get("next") or "").removeprefix(address)
    return rows


def same_building(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """By its key; two new ones where the middle of each lies in the other's box."""
    if one["key"] or other["key"]:
        return bool(one["key"] == other["key"])
    return _holds(one["bbox"], other["bbox"]) and _holds(other["bbox"], one["bbox"])


def _holds(box: list[float], other: list[float]) -> bool:
    (west, south, east, north), x, y = box, (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return west <= x <= east and south <= y <= north


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


if __name__ == "__main__":
    main()
