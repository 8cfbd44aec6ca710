"""Queue the long work of this stage: the candidates of one scan."""

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.common.models import Job
from annotation.common.services.jobs import enqueue
from annotation.consistency.selectors import latest_scan
from annotation.sources.models import Region

FIND = "changes.find"


@transaction.atomic
def start_find(*, region: Region, user: User | None) -> Job:
    """Candidates of the region's newest finished scan.

    Raises:
        InvalidError: there is none.
    """
    scan = latest_scan(region.pk)
    if scan is None:
        raise InvalidError("the region has no finished scan; start one, wait for it, then look for changes")
    return enqueue(
        kind=FIND, params={"scan": scan.pk}, scope_id=scan.region_id, created_by=user, dedup_key=f"scan:{scan.pk}"
    )
