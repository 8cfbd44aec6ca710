"""Whether this server lives, and whether it can do its work: for load balancers, containers and the start-up script."""

import logging
import os

from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.common.services import workers
from annotation.operation.selectors import unapplied_migrations

logger = logging.getLogger(__name__)
_migrated = False


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers: it asks nothing else, and a restart would mend nothing else."""
    return JsonResponse({"alive": True})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests may be sent here: the database answers and is of this code, and files can be written."""
    database = _database_answers()
    told = {"database": database, "migrations": database and _is_migrated(), "media": _media_is_writable()}
    return JsonResponse(told, status=200 if all(told.values()) else 503)


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 when the database answers; the broker is named, but jobs wait for it and pages go on without it.

    `queues_without_a_worker`: where jobs would wait for ever.
    """
    database, broker = _database_answers(), _redis_answers()
    unserved = workers.unserved_queues(workers.live_workers()) if database else []
    told = {"database": database, "redis": broker, "queues_without_a_worker": unserved}
    return JsonResponse(told, status=200 if database else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("the database does not answer")
        return False
    return True


def _is_migrated() -> bool:
    """Asked until it is so: the code of a running process stays what it is."""
    global _migrated  # noqa: PLW0603
    if not _migrated:
        left = unapplied_migrations()
        if left:
            logger.error("%s migrations are not applied: python manage.py migrate", left)
        _migrated = not left
    return _migrated


def _media_is_writable() -> bool:
    return os.access(settings.MEDIA_ROOT, os.W_OK)


def _redis_answers() -> bool:
    try:
        cache.get("health")
    except Exception:
        logger.warning("redis does not answer", exc_info=True)
        return False
    return True
