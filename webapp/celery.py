"""The Celery application: `celery -A webapp worker`."""

import logging.config
import os

from celery import Celery
from celery.signals import setup_logging, task_postrun, worker_process_init
from django.conf import settings

from mlcore.memory import keep_freed_memory, release_freed_memory
from webapp.settings.environment import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings.dev")
app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _keep_freed_memory(**_: object) -> None:
    keep_freed_memory()


@task_postrun.connect
def _release_freed_memory(**_: object) -> None:
    release_freed_memory()


def _log_as_the_web_server(**_: object) -> None:
    """Workers and scheduler write the same lines as the web server; Celery then leaves the log alone."""
    logging.config.dictConfig(settings.LOGGING)


# Plain lines stay Celery's own, with its times and processes.
if env("LOG_FORMAT") == "json":
    setup_logging.connect(_log_as_the_web_server)
