"""What an installation offers to describe tiles with, in words for the interface; and what a region has already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from annotation.anchors import engine, engine_generators, selectors
from annotation.anchors.engine_generators import SettingError
from annotation.common.models import Job
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use
from annotation.tiles.models import TilePair

HELP = {
    "geometric": 'Computed from the map\'s outlines and roads alone. Needs no model, costs nothing, and says "unknown" '
    "where vectors can't tell, as of roofs.",
    "transformers": "A multimodal model that looks at image and map together, run on this installation's own worker. "
    "Fast on a GPU, slow without one.",
    "http": "A multimodal model behind a server that an administrator set up. Image and map of every tile are sent to "
    "it; what it charges is counted.",
}
SETTINGS = {"transformers": "MAPWRIGHT_MLLM_MODELS", "http": "MAPWRIGHT_MLLM_ENDPOINTS"}
TITLES = {"geometric": "Geometry of the map", "transformers": "Model run here", "http": "Model on a server"}


def offered(*, admin: bool, left: Callable[[str, str], int]) -> list[dict[str, Any]]:
    """Every generator with its help text and the models or endpoints to choose from; details for admins alone.

    Args:
        left: how many tiles a generator with a model has yet to describe.
    """
    problem, endpoints, models = "", [], []
    try:
        models = [
            {"name": name, "model": engine_generators.shown_name(model), "left": left("transformers", model)}
            for name, model in engine_generators.models().items()
        ]
        endpoints = [
            {
                "name": name,
                "model": endpoint.model,
                "left": left("http", endpoint.model),
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
            "left": left(name, "") if name not in options else None,
            "usable": name == "geometric" or bool(options[name]),
            "problem": (problem or _set_up(name, admin=admin)) if name in options and not options[name] else "",
        }
        for name in engine_generators.GENERATORS
    ]


def _set_up(name: str, *, admin: bool) -> str:
    return f"{SETTINGS[name]} offers none yet: the README says how to set it." if admin else ""


def overview(region: Region, *, admin: bool) -> dict[str, Any]:
    """Generators, what each has described of the region and has still to describe, and the last jobs."""
    mapped, described = _described(region)

    def left(generator: str, model: str) -> int:
        return mapped - described.get(engine_generators.origin_of(generator, model), 0)

    jobs = Job.objects.for_scope(region.pk).filter(kind="anchors.generate").select_related("created_by")
    return {
        "generators": offered(admin=admin, left=left),
        "made": selectors.anchors_by_origin(region.pk),
        "mapped": mapped,
        "jobs": list(jobs.order_by("-created_at")[:5]),
    }


def _described(region: Region) -> tuple[int, dict[tuple[str, str, str], int]]:
    """Mapped tiles of the imagery and map in use, and how many of them each generator, model and prompt described."""
    imagery, snapshot = imagery_in_use(region), snapshot_in_use(region)
    if imagery is None or snapshot is None:
        return 0, {}
    described = selectors.tiles_described(
        imagery_id=imagery.pk, snapshot_id=snapshot.pk, schema_version=engine.SCHEMA_VERSION
    )
    return TilePair.objects.filter(imagery=imagery, snapshot=snapshot, mapped=True).count(), described
