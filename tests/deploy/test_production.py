"""What a production installation stands on: its checks, its containers, its units, its proxies, its web server."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
pytestmark = pytest.mark.xdist_group("production")


def manage(*args: str, **told: str) -> subprocess.CompletedProcess[str]:
    """manage.py under the production settings, with nothing set but what is told."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAPWRIGHT_", "DJANGO_"))}
    env |= {"DJANGO_SETTINGS_MODULE": "webapp.settings.production", **told}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *args],
        env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_check_deploy_is_clean():
    """S1."""
    told = {"MAPWRIGHT_SECRET_KEY": SECRET, "MAPWRIGHT_ALLOWED_HOSTS": "maps.example.org"}
    done = manage("check", "--deploy", "--fail-level", "INFO", **told)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"MAPWRIGHT_ALLOWED_HOSTS": "maps.example.org"}, "MAPWRIGHT_SECRET_KEY"),
        ({"MAPWRIGHT_ALLOWED_HOSTS": "maps.example.org", "MAPWRIGHT_SECRET_KEY": "short"}, "at least 50"),
        ({"MAPWRIGHT_SECRET_KEY": SECRET}, "MAPWRIGHT_ALLOWED_HOSTS"),
    ],
)
def test_production_does_not_start_without_a_secret_and_its_names(told, reason):
    """S1."""
    done = manage("check", **told)
    assert done.returncode != 0
    assert reason in done.stderr


@pytest.mark.slow
def test_static_files_are_collected_as_the_image_does(tmp_path):
    """Every file that a style or a script names is there: their names get a digest."""
    told = {"MAPWRIGHT_SECRET_KEY": SECRET, "MAPWRIGHT_ALLOWED_HOSTS": "localhost", "MAPWRIGHT_VAR": str(tmp_path)}
    done = manage("collectstatic", "--noinput", "-v", "0", **told)
    assert done.returncode == 0, done.stderr
    names = json.loads((tmp_path / "static" / "staticfiles.json").read_text())["paths"]
    assert re.fullmatch(r"vendor/leaflet/leaflet\.\w+\.css", names["vendor/leaflet/leaflet.css"])


COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OWN = [name for name, service in SERVICES.items() if str(service["image"]).startswith("mapwright")]


def test_compose_names_nothing_that_is_not_there():
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        volumes = {one.partition(":")[0] for one in service.get("volumes", [])}
        assert volumes <= set(COMPOSE["volumes"]), name
        for file in service.get("env_file", []):
            assert file in {"mapwright.env", "database.env"}
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert {"database", "redis", "web", "worker-cpu", "worker-gpu", "beat", "migrate", "backup"} == set(SERVICES)


def test_containers_are_pinned_watched_and_without_rights():
    for name, service in SERVICES.items():
        assert re.search(r":\d[\w.-]*$", service["image"]), name
        assert "healthcheck" in service or name not in {"database", "redis", "web", "worker-cpu", "worker-gpu"}, name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    for name in OWN:
        service = SERVICES[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not [key for key in service["environment"] if re.search("SECRET|PASSWORD|TOKEN", key)], name
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]


def test_workers_of_the_containers_serve_every_queue():
    cpu = " ".join(SERVICES["worker-cpu"]["command"])
    default = re.search(r"MAPWRIGHT_CPU_QUEUES:-([\w,]+)", cpu)
    assert default and set(default[1].split(",")) == set(settings.CELERY_TASK_QUEUES)
    unit = (DEPLOY / "systemd" / "mapwright-worker-cpu.service").read_text()
    named = re.search(r"^Environment=MAPWRIGHT_CPU_QUEUES=(.+)$", unit, flags=re.M)
    assert named and set(named[1].split(",")) == set(settings.CELERY_TASK_QUEUES)


def test_the_image_is_pinned_runs_as_nobody_special_and_copies_what_is_there():
    text = (DEPLOY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, flags=re.M)
    assert len(bases) == 3 and all(re.search(r":\d", base) for base in bases)
    assert re.findall(r"^USER (.+)$", text, flags=re.M) == ["10001:10001"]
    assert text.index("USER 10001") > text.rindex("RUN ")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, flags=re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", "var", "deploy/*.env"} <= set(ignored)
    assert text.count("-c constraints.txt") == text.count("pip install") == 2


def test_secrets_are_written_once_and_for_their_owner_alone(tmp_path):
    script = ["bash", str(DEPLOY / "write_env")]
    assert subprocess.run([*script, "maps.example.org", str(tmp_path)], check=False).returncode == 0
    told = dict(
        line.split("=", 1)
        for line in (tmp_path / "mapwright.env").read_text().splitlines()
        if line[:1] not in {"#", ""}
    )
    database = (tmp_path / "database.env").read_text()
    assert len(told["MAPWRIGHT_SECRET_KEY"]) >= 50
    assert f"POSTGRES_PASSWORD={told['MAPWRIGHT_DB_PASSWORD']}\n" in database
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    done = manage("check", "--deploy", "--fail-level", "INFO", **told)
    assert done.returncode == 0, done.stderr
    again = subprocess.run([*script, "maps.example.org", str(tmp_path)], capture_output=True, text=True, check=False)
    assert again.returncode != 0 and "there already" in again.stderr
    wrong = subprocess.run([*script, "a host; rm", str(tmp_path)], capture_output=True, text=True, check=False)
    assert wrong.returncode != 0 and "no host name" in wrong.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_units_are_valid(tmp_path):
    """Against a tree where the programs that they start exist."""
    home, units = tmp_path / "opt", tmp_path / "units"
    units.mkdir()
    for name in ("gunicorn", "celery", "python"):
        program = home / ".venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    (tmp_path / "env").write_text("")
    for source in (DEPLOY / "systemd").iterdir():
        text = (
            source.read_text().replace("/opt/mapwright", str(home)).replace("/etc/mapwright.env", str(tmp_path / "env"))
        )
        text = re.sub(r"^(User|Group)=mapwright$", r"\1=root", text, flags=re.M)
        (units / source.name).write_text(text)
    names = [str(path) for path in units.iterdir() if path.suffix in {".service", ".timer", ".target"}]
    assert len(names) == 7
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.strip()) == (0, "")


def certificate(folder: Path) -> tuple[Path, Path]:
    key, own = folder / "key.pem", folder / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=maps.example.org", "-days", "1",
         "-keyout", str(key), "-out", str(own)],
        check=True, capture_output=True,
    )  # fmt: skip
    return own, key


NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_takes_its_configuration(tmp_path):
    own, key = certificate(tmp_path)
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    text = re.sub(r"ssl_certificate .+;", f"ssl_certificate {own};", text)
    text = re.sub(r"ssl_certificate_key .+;", f"ssl_certificate_key {key};", text)
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; "
        + "".join(f"{one}_temp_path {tmp_path}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f" include {tmp_path}/site.conf; }}"
    )
    done = subprocess.run(
        [NGINX, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_the_longest_tags_of_a_changeset_fit_into_what_nginx_reads_of_a_header():
    """They travel as escaped JSON, and nginx answers 502 where an answer's headers exceed its buffer."""
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    sizes = re.findall(r"^ *proxy_buffer(?:_size|s 8) (\d+)k;", text, flags=re.M)
    longest = json.dumps(dict.fromkeys(["comment", "created_by", "source", "imagery_used"], "\U0001f3e0" * 255))
    assert len(sizes) == 2 and all(int(size) * 1024 > len(longest) + 4096 for size in sizes)


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
def test_caddy_takes_its_configuration(tmp_path):
    done = subprocess.run(
        ["caddy", "adapt", "--config", str(DEPLOY / "proxy" / "Caddyfile"), "--adapter", "caddyfile", "--validate"],
        env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(tmp_path, django_db_setup):
    """gunicorn as the image and the unit start it, with three processes, on the tests' database."""
    port, log = free_port(), tmp_path / "log"
    (tmp_path / "media").mkdir()
    env = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings.test", "MAPWRIGHT_BIND": f"127.0.0.1:{port}",
        "MAPWRIGHT_WEB_PROCESSES": "3", "MAPWRIGHT_LOG_FORMAT": "json", "MAPWRIGHT_VAR": str(tmp_path),
        "MAPWRIGHT_RUN_DIR": str(settings.RUN_DIR), "MAPWRIGHT_MEDIA": str(tmp_path / "media"),
        "MAPWRIGHT_DB_NAME": str(connection.settings_dict["NAME"]),
    }  # fmt: skip
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "gunicorn"), "webapp.wsgi:application", "-c", "deploy/gunicorn.conf.py"],
            env=env, cwd=ROOT, stdout=out, stderr=out,
        )  # fmt: skip
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if subprocess.run([sys.executable, str(DEPLOY / "probe"), "ready"], env=env, check=False).returncode == 0:
            break
        time.sleep(0.5)
    yield f"http://127.0.0.1:{port}", log, env
    process.terminate()
    process.wait(timeout=60)


@pytest.mark.slow
def test_the_web_server_adds_up_its_processes_and_writes_json_lines(server):
    url, log, env = server

    def opened(_: int) -> str:
        with urllib.request.urlopen(f"{url}/login/", timeout=30) as answer:
            return answer.headers["X-Request-ID"]

    asked_for = 0
    with ThreadPoolExecutor(8) as threads:
        while asked_for < 40 or (len(list(Path(env["MAPWRIGHT_VAR"]).rglob("*.db"))) < 2 and asked_for < 2000):
            assert all(threads.map(opened, range(40)))
            asked_for += 40
    with urllib.request.urlopen(f"{url}/metrics/", timeout=30) as answer:
        told = answer.read().decode()
    counted = {
        sample.labels["view"]: sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name == "mapwright_http_request_seconds_count" and sample.labels["status"] == "2xx"
    }
    assert counted["login"] == asked_for
    assert len(list(Path(env["MAPWRIGHT_VAR"]).rglob("*.db"))) > 1, "several processes counted"
    asked = urllib.request.Request(f"{url}/metrics/", headers={"X-Forwarded-For": "203.0.113.7"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)
    assert refused.value.code == 403
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.strip()]
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "mapwright.requests"}
    assert sum(line.get("view") == "login" for line in lines) == asked_for
    wrong = {**env, "MAPWRIGHT_BIND": f"127.0.0.1:{free_port()}"}
    assert subprocess.run([sys.executable, str(DEPLOY / "probe"), "live"], env=wrong, check=False).returncode == 1
