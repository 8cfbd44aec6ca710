"""Tiles over HTTP: image, map and footprints, with the headers that let browsers keep them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsReviewer
from annotation.common.errors import InvalidError, NotFoundError
from annotation.sources import selectors
from annotation.sources.models import Imagery, MapSnapshot, SourceState
from annotation.tiles.engine import address_of, style_digest, tile_version
from annotation.tiles.nearby import footprints_mvt
from annotation.tiles.services.draw import SIZES, image_tile, map_tile

# With the source's version in ?v= the address names one content for ever; else browsers ask again after a few minutes.
VERSIONED = "private, max-age=31536000, immutable"
UNVERSIONED = "private, max-age=300"
SIZE = OpenApiParameter("size", int, enum=SIZES, default=256)
VERSION = OpenApiParameter(
    "v", str, description="`tile_version` of the source: with it, browsers keep the tile for ever"
)


class AnyAccept(BaseContentNegotiation):
    """Tiles have one format each, whatever the client says it likes."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


class TileView(APIView):
    """What every kind of tile shares."""

    permission_classes = [IsReviewer]
    content_negotiation_class = AnyAccept

    def size(self, request: Request) -> int:
        value = request.query_params.get("size", "256")
        if value not in {str(size) for size in SIZES}:
            raise InvalidError(f"tiles come in sizes {' and '.join(map(str, SIZES))}, not {value[:20]}")
        return int(value)

    def answer(
        self, request: Request, source: Imagery | MapSnapshot, place: str, content_type: str, draw: Callable[[], bytes]
    ) -> HttpResponse:
        """The tile of a source: see `answer_of`."""
        return self.answer_of(request, tile_version(source), place, content_type, draw)

    def answer_of(
        self, request: Request, version: str, place: str, content_type: str, draw: Callable[[], bytes]
    ) -> HttpResponse:
        """304 where the client has it, else the tile; 204 where there is nothing to say.

        Args:
            version: of the source, as ?v= says it.
            place: what of the source this is, such as z-x-y-size.
        """
        etag = f"{version}-{place}"
        quoted = f'"{etag}"'
        response = get_conditional_response(request._request, etag=quoted)
        if response is None:
            data = draw()
            response = HttpResponse(data, content_type=content_type, status=200 if data else 204)
        response["ETag"] = quoted
        response["Cache-Control"] = VERSIONED if request.query_params.get("v") == version else UNVERSIONED
        response["Vary"] = "Cookie, Authorization"
        return response

    def snapshot(self, request: Request, snapshot_id: int) -> MapSnapshot:
        return _ready(selectors.get_snapshot(cast(User, request.user), snapshot_id))


def _ready(source: Any) -> Any:
    if source.state != SourceState.READY:
        raise NotFoundError("its import has not ended: there are no tiles yet")
    return source


class ImageTileView(TileView):
    """The image of a tile; transparent where it has no data."""

    @extend_schema(
        operation_id="image_tile", parameters=[SIZE, VERSION], responses={(200, "image/webp"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, imagery_id: int, z: int, x: int, y: int) -> HttpResponse:
        address, size = address_of(z, x, y), self.size(request)
        imagery: Imagery = _ready(selectors.get_imagery(cast(User, request.user), imagery_id))
        draw = partial(image_tile, imagery, address, size)
        return self.answer(request, imagery, f"{z}-{x}-{y}-{size}", "image/webp", draw)


class MapTileView(TileView):
    """The electronic map of a tile."""

    @extend_schema(
        operation_id="map_tile", parameters=[SIZE, VERSION], responses={(200, "image/png"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, snapshot_id: int, z: int, x: int, y: int) -> HttpResponse:
        address, size = address_of(z, x, y), self.size(request)
        snapshot = self.snapshot(request, snapshot_id)
        draw = partial(map_tile, snapshot, address, size, style_digest())
        return self.answer(request, snapshot, f"{z}-{x}-{y}-{size}", "image/png", draw)


class FootprintTileView(TileView):
    """The footprints of a tile as a vector tile; none below zoom 14."""

    @extend_schema(
        operation_id="footprint_tile",
        parameters=[VERSION],
        responses={
            (200, "application/vnd.mapbox-vector-tile"): OpenApiTypes.BINARY,
            204: OpenApiResponse(description="no footprints here"),
        },
    )
    def get(self, request: Request, snapshot_id: int, z: int, x: int, y: int) -> HttpResponse:
        address = address_of(z, x, y)
        snapshot = self.snapshot(request, snapshot_id)
        kind = "application/vnd.mapbox-vector-tile"
        return self.answer(request, snapshot, f"mvt-{z}-{x}-{y}", kind, partial(footprints_mvt, snapshot, address))
