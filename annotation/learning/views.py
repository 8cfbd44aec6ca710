"""The page of training: runs, their curves, and the models they left."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.sources.pages import region_page


@require_safe
def training(request: HttpRequest, region_id: int) -> HttpResponse:
    """Runs and models of a region."""
    return region_page(request, region_id, "training/training.html", active="training")
