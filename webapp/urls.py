"""Every URL of the project: each stage's pages at /, each stage's API at /api/."""

from importlib.util import find_spec

from csp.decorators import csp_update
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from webapp.health import health, live, ready

STAGES = (
    "accounts",
    "common",
    "sources",
    "review",
    "tiles",
    "anchors",
    "correspondences",
    "learning",
    "consistency",
    "geolocation",
    "changes",
    "landmarks",
    "edits",
    "digest",
    "pipeline",
    "operation",
)


# The page of the API comes with styles of its own in its markup.
api_docs = csp_update({"style-src": ["'unsafe-inline'"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))


def _of_stages(module: str, prefix: str) -> list[URLPattern | URLResolver]:
    specs = [find_spec(f"annotation.{stage}.{module}") for stage in STAGES]
    return [path(prefix, include(spec.name)) for spec in specs if spec and spec.origin]


urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
    path("health/live/", live, name="live"),
    path("health/ready/", ready, name="ready"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
    *_of_stages("api", "api/"),
    *_of_stages("tile_urls", "tiles/"),
    *_of_stages("urls", ""),
]
