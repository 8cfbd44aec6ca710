"""The page of a region's review work, of whatever stage: who decided how much, and who did what."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.review.api.audit import ACTIONS
from annotation.sources.pages import region_page


@require_safe
def activity(request: HttpRequest, region_id: int) -> HttpResponse:
    """Statistics of every queue; for admins also its acts, filtered."""
    page = {"stages": list(settings.REVIEW_STAGES), "actions": list(ACTIONS)}
    return region_page(request, region_id, "review/activity.html", active="activity", page=page)
