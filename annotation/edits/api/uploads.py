"""Thin views of uploads: what would be sent, start, go on, give up, settle, receipts, the account there."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin, IsEditor, ReadOrEditor
from annotation.common.errors import DomainError
from annotation.common.pagination import KeysetPagination
from annotation.edits import selectors
from annotation.edits.api import upload_serializers as serializers
from annotation.edits.models import Upload, UploadReceipt
from annotation.edits.services.uploads import accounts, checks, settle, start, watch
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region


class OsmAccountView(APIView):
    """One's own account on the map's server."""

    permission_classes = [IsEditor]

    @extend_schema(responses=serializers.OsmAccountOutput)
    def get(self, request: Request) -> Response:
        """Where uploads go, and as whom."""
        told: dict[str, Any] = {"server": None, "site": None, "name": None, "why_not": []}
        try:
            server, account = accounts.server_in_use(), accounts.account_of(person(request))
            told |= {"server": server.api_url, "site": server.site_url, "name": account.name if account else None}
        except DomainError as error:
            told["why_not"] = [{"code": error.code, "detail": error.detail}]
        return Response(serializers.OsmAccountOutput(told).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Forget the sign-in, here and on the map's server."""
        accounts.sign_out(user=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ChangesetUploadView(APIView):
    """The upload of one changeset."""

    permission_classes = [ReadOrEditor]

    @extend_schema(responses=serializers.UploadOutlook)
    def get(self, request: Request, changeset_id: int) -> Response:
        """What would be sent, what stands against it, and the uploads so far."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        told = checks.outlook(person(request), changeset)
        counts = {f"{action}s": told.counts.get(action, 0) for action in ("create", "modify", "delete")}
        counts["modifies"] = counts.pop("modifys")
        shown = {
            "may": not told.why_not,
            "why_not": told.why_not,
            "warnings": told.warnings,
            **counts,
            "server": told.server.api_url if told.server else None,
            "site": told.server.site_url if told.server else None,
            "account": told.account.name if told.account else None,
            "uploads": selectors.uploads_of(changeset),
        }
        return Response(serializers.UploadOutlook(shown).data)

    @extend_schema(request=None, responses={201: serializers.UploadOutput})
    def post(self, request: Request, changeset_id: int) -> Response:
        """Freeze the diff and upload it in one's own name."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        upload = start.start(user=person(request), changeset=changeset)
        return Response(_shown(request, upload.pk), status=status.HTTP_201_CREATED)


class UploadView(APIView):
    permission_classes = [ReadOrEditor]

    @extend_schema(responses=serializers.UploadOutput)
    def get(self, request: Request, upload_id: int) -> Response:
        """How far an upload is."""
        return Response(_shown(request, upload_id))


class UploadResumeView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses=serializers.UploadOutput)
    def post(self, request: Request, upload_id: int) -> Response:
        """Go on with an upload that stopped; what took effect is read back first."""
        start.resume(user=person(request), upload=selectors.get_upload(person(request), upload_id))
        return Response(_shown(request, upload_id))


class UploadGiveUpView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses=serializers.UploadOutput)
    def post(self, request: Request, upload_id: int) -> Response:
        """End an upload of which nothing was sent."""
        start.give_up(user=person(request), upload=selectors.get_upload(person(request), upload_id))
        return Response(_shown(request, upload_id))


class UploadSettleView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=serializers.SettleInput, responses=serializers.UploadOutput)
    def post(self, request: Request, upload_id: int) -> Response:
        """End an upload whose answer was lost by what the map's server shows everybody of its changeset."""
        wished = parse(serializers.SettleInput, request.data)
        settle.settle(user=person(request), upload=selectors.get_upload(person(request), upload_id), **wished)
        return Response(_shown(request, upload_id))


class ReceiptPages(KeysetPagination):
    ordering = "id"


class ReceiptsView(ListAPIView):
    """What became of each element: its new id and version; neither for what was deleted."""

    permission_classes = [ReadOrEditor]
    serializer_class = serializers.ReceiptOutput
    queryset = UploadReceipt.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        rows = UploadReceipt.objects.filter(upload=selectors.get_upload(person(self.request), self.kwargs["upload_id"]))
        fates = parse(serializers.ReceiptsQuery, self.request.query_params).get("fate")
        return rows.filter(fate__in=fates) if fates else rows

    @extend_schema(parameters=[serializers.ReceiptsQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class WatchedView(ListAPIView):
    """Uploads of a region that are in the map, and what became of them, the newest first."""

    permission_classes = [ReadOrEditor]
    serializer_class = serializers.WatchedOutput
    queryset = Upload.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.watched_uploads(get_region(person(self.request), self.kwargs["region_id"]))


class WatchView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses={202: serializers.WatchStarted})
    def post(self, request: Request, upload_id: int) -> Response:
        """Ask the map what became of an upload."""
        job = watch.start(user=person(request), upload=selectors.get_upload(person(request), upload_id))
        return Response(serializers.WatchStarted(job).data, status=status.HTTP_202_ACCEPTED)


def _shown(request: Request, upload_id: int) -> dict[str, Any]:
    return serializers.UploadOutput(selectors.get_upload(person(request), upload_id)).data
