"""The set-up scripts, run for real against a directory of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("deploy")


def script(name: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(ROOT / "deploy" / name), *args],
        env={**os.environ, **env},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def own_var(tmp_path_factory):
    """A var directory of the test's own, whose services are stopped afterwards."""
    var = tmp_path_factory.mktemp("var")
    for folder in (var, *list(var.parents)[:2]):
        folder.chmod(0o755)
    yield var
    script("services", "stop", MAPWRIGHT_VAR=str(var), MAPWRIGHT_RUN_DIR="")


def started(process: subprocess.Popen, log: Path, until: str, seconds: float = 90) -> str:
    """Waits until deploy/run has said what matches `until`, and returns what it printed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if re.search(until, log.read_text()) or process.poll() is not None:
            break
        time.sleep(0.1)
    return log.read_text()


def run_until_ready(var: Path, port: int, *args: str, **more: str) -> tuple[subprocess.Popen, str]:
    log = var / "run.out"
    env = {
        key: value for key, value in os.environ.items() if key not in {"MAPWRIGHT_RUN_DIR", "DJANGO_SETTINGS_MODULE"}
    }
    env |= {"MAPWRIGHT_VAR": str(var), "MAPWRIGHT_REDIS_DB": "0", "MAPWRIGHT_DB_NAME": "mapwright", **more}
    with log.open("w") as out:
        process = subprocess.Popen(
            ["bash", str(ROOT / "deploy/run"), *(args or ["--no-region"]), "--port", str(port)],
            env=env,
            cwd="/",
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until, seconds = ("can be searched( yet|:)", 900) if args else ("Mapwright is running", 90)
    return process, started(process, log, until, seconds)


def stop(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)


@pytest.fixture
def running(own_var):
    """Starts deploy/run on demand, and makes sure that nothing of it outlives the test."""
    processes: list[subprocess.Popen] = []

    def start(port: int, *args: str, **env: str) -> tuple[subprocess.Popen, str]:
        process, said = run_until_ready(own_var, port, *args, **env)
        processes.append(process)
        return process, said

    yield start
    for process in processes:
        if process.poll() is None:
            stop(process)


@pytest.mark.slow
def test_run_starts_serves_and_leaves_nothing_behind_on_ctrl_c(running, own_var):
    port = free_port()
    process, said = running(port)
    assert f"open http://127.0.0.1:{port}/" in said, said
    assert "\n  password:" in said, "the admin's password is printed on the first start"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=30) as answer:
        assert answer.status == 200
    stop(process)
    status = script("services", "status", MAPWRIGHT_VAR=str(own_var), MAPWRIGHT_RUN_DIR="").stdout
    assert "postgres down" in status
    assert "redis down" in status
    left = subprocess.run(["pgrep", "-f", f"127.0.0.1:{port}"], capture_output=True, text=True, check=False)
    assert left.stdout == ""

    process, said = running(port)
    assert "Mapwright is running" in said, said
    assert "creating" not in said, "the second start sets nothing up again"
    assert "\n  password:" not in said, "the password is printed once"
    stop(process)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_region_can_be_searched_by_itself_and_where_it_can_not_everything_else_runs(running, tmp_path):
    write_town(generate_town(TownConfig(seed=1, columns=3, rows=2)), tmp_path)
    files = ["--imagery", str(tmp_path / "imagery.tif"), "--map", str(tmp_path / "map.osm"), "--name", "Small"]
    process, said = running(free_port(), *files, MAPWRIGHT_LANDMARKS_WEIGHTS=str(tmp_path / "none.safetensors"))
    assert "Mapwright is running" in said, said
    assert "nothing can be searched yet" in said and "no_search_model" in said
    stop(process)

    process, said = running(free_port(), *files)
    assert "Mapwright is running" in said, said
    assert re.search(r"\b6 tiles and \d+ landmarks can be searched: 6 tiles were read", said), said
    stop(process)


def test_a_port_in_use_is_named_with_a_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = script("run", "--no-region", "--port", str(port))
    assert result.returncode != 0
    assert f"port {port} is in use" in result.stderr
    assert "remedy:" in result.stderr


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--imagery", "/no/such/file.tif"], "there is no file"),
        (["--imagery"], "needs a file"),
        (["--imagrey", "x"], "unknown option"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_set_up(args, reason, tmp_path):
    result = script("run", *args, MAPWRIGHT_VAR=str(tmp_path / "var"))
    assert result.returncode != 0
    assert reason in result.stderr
    assert "remedy:" in result.stderr
    assert not (tmp_path / "var").exists()


def test_another_persons_var_directory_is_refused(tmp_path):
    (tmp_path / "owner").write_text("somebody_else\n")
    result = script("run", "--no-region", "--port", str(free_port()), MAPWRIGHT_VAR=str(tmp_path))
    assert result.returncode != 0
    assert "was set up by somebody_else" in result.stderr


def test_doctor_names_what_is_missing_and_how_to_mend_it(tmp_path):
    result = script("doctor", MAPWRIGHT_VENV=str(tmp_path / "none"), MAPWRIGHT_VAR=str(tmp_path), MAPWRIGHT_RUN_DIR="")
    assert result.returncode == 1
    assert "virtual environment" in result.stdout
    assert "remedy: bash deploy/run makes it" in result.stdout


def test_services_start_twice_and_stop_twice_without_complaint(own_var):
    env = {"MAPWRIGHT_VAR": str(own_var), "MAPWRIGHT_RUN_DIR": ""}
    for command in ("start", "start", "status", "stop", "stop"):
        result = script("services", command, **env)
        assert result.returncode == 0, result.stderr
        if command == "status":
            assert "postgres up" in result.stdout
            assert "redis up" in result.stdout


def test_settings_find_the_sockets_where_the_services_put_them(own_var):
    """Below a folder that postgres can't enter, or with a long path, they are not in var/run."""
    assert script("services", "start", MAPWRIGHT_VAR=str(own_var), MAPWRIGHT_RUN_DIR="").returncode == 0
    asked = "from webapp.settings import base; print(base.RUN_DIR)"
    env = {**os.environ, "MAPWRIGHT_VAR": str(own_var)}
    env.pop("MAPWRIGHT_RUN_DIR", None)
    found = Path(subprocess.check_output([sys.executable, "-c", asked], env=env, cwd=ROOT, text=True).strip())
    assert (found / ".s.PGSQL.5432").exists() and (found / "redis.sock").exists()
