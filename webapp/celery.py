"""The Celery application: `celery -A webapp worker`."""

import os

from celery import Celery
from celery.signals import task_postrun, worker_process_init

from mlcore.memory import keep_freed_memory, release_freed_memory

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
