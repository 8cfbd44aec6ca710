"""Thin views of the search."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes.models import ChangeDecision
from annotation.changes.selectors import get_change
from annotation.landmarks import search, selectors
from annotation.landmarks.api.answers import SearchOutput, SimilarChangesOutput, WaitingChangesOutput
from annotation.landmarks.api.asked import CountQuery, Narrowing, PhotoQuery, SearchQuery, wish_of
from annotation.landmarks.services.photos import look_at
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region
from annotation.sources.services.files import Upload
from annotation.tiles.models import Tile


class SearchView(APIView):
    """One box: words, or a position."""

    permission_classes = [IsReviewer]

    @extend_schema(operation_id="search", parameters=[SearchQuery], responses=SearchOutput)
    def get(self, request: Request) -> Response:
        """Tiles and landmarks that you may see, by words or by "lat, lon"; nothing where the query means nothing."""
        user, asked = person(request), parse(SearchQuery, request.query_params)
        return Response(SearchOutput(search.by_words(user, asked["q"], wish_of(user, asked))).data)


class PhotoSearchView(APIView):
    """A dropped photo."""

    permission_classes = [IsReviewer]
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="search_by_photo", request={"multipart/form-data": PhotoQuery}, responses=SearchOutput)
    def post(self, request: Request) -> Response:
        """Where a photo from the ground may have been taken, among tiles that you may see; the photo is not kept."""
        user, asked = person(request), parse(PhotoQuery, request.data)
        wish = wish_of(user, asked)
        rgb, position = look_at(Upload.from_request(asked["photo"]))
        return Response(SearchOutput(search.by_photo(user, rgb, position, wish)).data)


class SimilarTilesView(APIView):
    """More like a tile."""

    permission_classes = [IsReviewer]

    @extend_schema(operation_id="similar_tiles", parameters=[Narrowing], responses=SearchOutput)
    def get(self, request: Request, tile_id: int) -> Response:
        """Tiles that you may see and that look like this one."""
        return _like(request, selectors.get_tile(person(request), tile_id))


class SimilarAtView(APIView):
    """More like the tile of a region at an address."""

    permission_classes = [IsReviewer]

    @extend_schema(operation_id="similar_tiles_at", parameters=[Narrowing], responses=SearchOutput)
    def get(self, request: Request, region_id: int, z: int, x: int, y: int) -> Response:
        """Tiles that you may see and that look like this one."""
        return _like(request, selectors.get_tile_at(get_region(person(request), region_id), z, x, y))


def _like(request: Request, tile: Tile) -> Response:
    user = person(request)
    wish = wish_of(user, parse(Narrowing, request.query_params))
    return Response(SearchOutput(search.like_tile(user, tile, wish)).data)


class SimilarChangesView(APIView):
    """Places like that of a change."""

    permission_classes = [IsReviewer]

    @extend_schema(operation_id="similar_changes", parameters=[CountQuery], responses=SimilarChangesOutput)
    def get(self, request: Request, change_id: int) -> Response:
        """Places that look like that of a change and have one of the same kind, and what people said there."""
        user = person(request)
        change = get_change(user, change_id)
        answer, changes = search.like_change(user, change, parse(CountQuery, request.query_params)["count"])
        rows: list[dict[str, Any]] = []
        for row in answer.results:
            other = changes[row["tile"]]
            rows.append({**row, "change": other.pk, "kind": other.kind, "verdict": other.item.decision})
        said = [row["verdict"] for row in rows if row["verdict"]]
        counts = {"similar": len(rows), "decided": len(said), "accepted": said.count(ChangeDecision.ACCEPT)}
        told = {**counts, "meant": answer.meant, "why_not": answer.why_not, "results": rows}
        return Response(SimilarChangesOutput(told).data)


class WaitingView(APIView):
    """What of the queue comes next where similar places come first."""

    permission_classes = [IsReviewer]

    @extend_schema(operation_id="similar_waiting", parameters=[CountQuery], responses=WaitingChangesOutput)
    def get(self, request: Request, change_id: int) -> Response:
        """Free items of the queue, of the same kind, at places like that of this change: the `first` of a claim."""
        user = person(request)
        change = get_change(user, change_id)
        items, why_not = search.waiting_like_change(user, change, parse(CountQuery, request.query_params)["count"])
        return Response(WaitingChangesOutput({"items": items, "why_not": why_not}).data)
