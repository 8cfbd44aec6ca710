"""Pages that belong to no stage: the jobs, and the answers to what is missing or forbidden."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    """All long work that this person may see, with its progress."""
    return render(request, "common/jobs.html", {"page": {}, "active": "jobs"})
