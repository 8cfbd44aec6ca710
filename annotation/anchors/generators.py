"""What an installation offers to describe tiles with, in words for the interface; and what a region has already."""

from __future__ import annotations

from typing import Any

from annotation.anchors import engine_generators, selectors
from annotation.anchors.engine_generators import SettingError
from annotation.common.models import Job
from annotation.sources.models import Region
from annotation.tiles.models import TilePair

HELP = {
    "geometric": 'Computed from the map\'s outlines and roads alone. Needs no model, costs nothing, and says "unknown" '
    "where vectors can't tell, as of roofs.",
    "transformers": "A multimodal model that looks at image and map together, run on this installation's own worker. "
    "Fast on a GPU, slow without one.",
    "http": "A multimodal model behind a server that an administrator set up. Image and map of every tile are sent to "
    "it; what it charges is counted.",
}
TITLES = {"geometric": "Geometry of the map", "transformers": "Model run here", "http": "Model on a server"}


def offered(*, admin: bool) -> list[dict[str, Any]]:
    """Every generator with its help text and the models or endpoints to choose from; details for admins alone."""
    problem, endpoints, models = "", [], []
    try:
        models = [{"name": name, "model": model} for name, model in engine_generators.models().items()]
        endpoints = [
            {
                "name": name,
                "model": endpoint.model,
                "price_in": endpoint.price_in,
                "price_out": endpoint.price_out,
                "currency": endpoint.currency,
            }
            for name, endpoint in engine_generators.endpoints().items()
        ]
    except SettingError as error:
        problem = error.detail if admin else "the settings can't be read"
    options: dict[str, list[dict[str, Any]]] = {"transformers": models, "http": endpoints}
    return [
        {
            "name": name,
            "title": TITLES[name],
            "words": HELP[name],
            "options": options.get(name, []) if admin else [],
            "usable": name == "geometric" or bool(options[name]),
            "problem": problem if name != "geometric" else "",
        }
        for name in engine_generators.GENERATORS
    ]


def overview(region: Region, *, admin: bool) -> dict[str, Any]:
    """Generators, what each has described of the region, and the last jobs."""
    jobs = Job.objects.for_scope(region.pk).filter(kind="anchors.generate").select_related("created_by")
    return {
        "generators": offered(admin=admin),
        "made": selectors.anchors_by_origin(region.pk),
        "mapped": TilePair.objects.filter(tile__region=region, mapped=True).count(),
        "jobs": list(jobs.order_by("-created_at")[:5]),
    }
