"""One switch, start or registration at a time for the models of a kind in a region, or of a kind for all regions."""

from __future__ import annotations

from zlib import crc32

from django.db import connection

from annotation.sources.models import Region

LOCK_SPACE = 7303


def hold(kind: str, region_id: int | None) -> None:
    """Wait until nobody else changes these models, until the end of the transaction."""
    if region_id is not None:
        Region.objects.select_for_update(no_key=True).get(pk=region_id)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, crc32(kind.encode()) - 2**31])
