"""The page of training: runs, their curves, and the models they left, of one kind at a time."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.learning.kinds import ModelKind, kind_of
from annotation.learning.models import REGION
from annotation.sources.pages import region_page


@require_safe
def training(request: HttpRequest, region_id: int) -> HttpResponse:
    """Runs and models of a region, or with `?kind=` those of another kind."""
    name = request.GET.get("kind", REGION)
    if name not in settings.MODEL_KINDS:
        raise Http404("there are no models of this kind")
    kinds = [_shown(kind_of(one), current=one == name) for one in settings.MODEL_KINDS]
    kind = next(one for one in kinds if one["current"])
    return region_page(
        request, region_id, "training/training.html", active="training", page={"kind": kind, "kinds": kinds}
    )


def _shown(kind: ModelKind, *, current: bool) -> dict[str, Any]:
    """A kind as the page and its modules know it."""
    return {
        "name": kind.name,
        "label": kind.label,
        "purpose": kind.purpose,
        "per_region": kind.per_region,
        "presets": dict(kind.presets),
        "built_in": kind.built_in() if kind.built_in is not None else "",
        "takes_files": kind.take_in is not None,
        "current": current,
    }
