"""The web server: how many processes, its log, and the folder through which its processes share their figures."""

import os
from pathlib import Path

_env = os.environ
bind = _env.get("MAPWRIGHT_BIND", f"127.0.0.1:{_env.get('MAPWRIGHT_PORT', '8000')}")
workers = int(_env.get("MAPWRIGHT_WEB_PROCESSES", "2"))
threads = int(_env.get("MAPWRIGHT_WEB_THREADS", "8"))
# An upload may take minutes, and so may a large export; a proxy in front waits as long.
timeout = 300
worker_tmp_dir = "/dev/shm"  # noqa: S108 - only a clock that the master looks at
control_socket_disable = True

# Figures of every process are added up in this folder; what another run left there is of processes that are gone.
_figures = (
    Path(_env.get("MAPWRIGHT_VAR", Path(__file__).resolve().parents[1] / "var")) / "metrics" / bind.replace("/", "_")
)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_figures)

if _env.get("MAPWRIGHT_LOG_FORMAT") == "json":
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "annotation.common.logs.JsonLines"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {"gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False}},
    }


def on_starting(server):
    """Begin with an empty folder of figures."""
    _figures.mkdir(parents=True, exist_ok=True)
    for left in _figures.glob("*.db"):
        left.unlink()


def child_exit(server, worker):
    """A process that ended is alive no longer; what it counted stays."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
