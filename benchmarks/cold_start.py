"""B9: from a fresh clone to the first decision, and to passed tests, in minutes.

Clones the committed project into an empty folder, runs `deploy/run` there, signs in with the password it printed,
claims the first building change over the API and decides it; then stops everything and runs `deploy/test`. System
packages and the caches of package managers are as they are on this machine; `system_packages_present` counts those
found of five.

    python benchmarks/cold_start.py [--only decision|tests] [--keep]

`--only` measures one half and keeps the other half of the result file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import RESULTS, ROOT, data_folder, write_result

LIMIT_S = 30 * 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("decision", "tests"), help="measure one half, keep the other's figures")
    parser.add_argument("--keep", action="store_true", help="keep the clone for a look")
    args = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="mapwright-cold-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    folder.chmod(0o755)
    clone = folder / "mapwright"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAPWRIGHT_", "DJANGO_", "VIRTUAL_ENV"))
    }
    env |= {"MAPWRIGHT_DATA": str(data_folder()), "PYTHONUNBUFFERED": "1"}
    present = sum(shutil.which(tool) is not None for tool in ("redis-server", "npm", "ogrinfo", "chromium", "osmium"))
    figures: dict[str, float] = {"system_packages_present": present}
    try:
        if args.only != "tests":
            figures |= first_decision(clone, env)
        if args.only != "decision":
            started = time.monotonic()
            subprocess.run(["bash", "deploy/test"], cwd=clone, env=env, check=True)
            figures["minutes_tests"] = round((time.monotonic() - started) / 60, 2)
    finally:
        subprocess.run(["bash", "deploy/services", "stop"], cwd=clone, env=env, check=False)
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    write_result("cold_start", (earlier_figures() if args.only else {}) | figures)


def earlier_figures() -> dict[str, float]:
    """The figures of the result file as it is."""
    path = RESULTS / "cold_start.json"
    return dict(json.loads(path.read_text())["figures"]) if path.exists() else {}


def first_decision(clone: Path, env: dict[str, str]) -> dict[str, float]:
    """Starts the clone and decides one change; minutes from nothing to the decision, and seconds of a second start."""
    port = free_port()
    started = time.monotonic()
    process, said = start(clone, env, port)
    ready = time.monotonic() - started
    try:
        decide_one(f"http://127.0.0.1:{port}", said)
        decided = time.monotonic() - started
    finally:
        stop(process)
    again = time.monotonic()
    process, _ = start(clone, env, port)
    second = time.monotonic() - again
    stop(process)
    return {
        "minutes_to_ready": round(ready / 60, 2),
        "minutes_to_first_decision": round(decided / 60, 2),
        "second_start_s": round(second, 1),
    }


def start(clone: Path, env: dict[str, str], port: int) -> tuple[subprocess.Popen[str], str]:
    """Runs deploy/run until it says that it is running; returns the process and all it said."""
    process = subprocess.Popen(
        ["bash", "deploy/run", "--port", str(port)],
        cwd=clone,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = ""
    deadline = time.monotonic() + LIMIT_S
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        said += line
        if "Mapwright is running" in line or time.monotonic() > deadline:
            break
    if "Mapwright is running" not in said:
        stop(process)
        raise SystemExit("deploy/run did not come up; what it said is above")
    return process, said


def stop(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C does; by a signal that a job in the background does not ignore."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=120)


def decide_one(address: str, said: str) -> None:
    """Claims the first change as the admin and accepts it."""
    token = signed_in(address, said)
    region = call(address, "/api/regions/", token=token)["results"][0]["id"]
    claimed = call(address, "/api/review/changes/claim/", {"region": region}, token=token)
    item = claimed["item"]
    if item is None:
        raise SystemExit("the queue is empty: the demo found no change")
    decision = {
        "lease_token": item["lease_token"],
        "version": item["version"],
        "decision": "accept",
        "seconds": 1.0,
        "idempotency_key": str(uuid.uuid4()),
    }
    call(address, f"/api/review/items/{item['id']}/decide/", decision, token=token)


def signed_in(address: str, said: str) -> str:
    """The token of the admin whose password was printed."""
    found = re.search(r"user name:\s+(\S+)\s+password:\s+(\S+)", said)
    if not found:
        raise SystemExit("deploy/run printed no password")
    return str(call(address, "/api/auth/token/", {"username": found[1], "password": found[2]})["token"])


def call(address: str, path: str, body: dict[str, Any] | None = None, *, token: str = "") -> Any:
    request = urllib.request.Request(address + path, data=json.dumps(body).encode() if body is not None else None)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Token {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
