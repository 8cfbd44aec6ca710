"""Whether this server can do its work: for load balancers and the start-up script."""

import logging

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.common.services import workers

logger = logging.getLogger(__name__)


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


def _redis_answers() -> bool:
    try:
        cache.get("health")
    except Exception:
        logger.warning("redis does not answer", exc_info=True)
        return False
    return True
