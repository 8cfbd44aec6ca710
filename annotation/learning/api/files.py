"""Files of models for admins: weights and card of one, and one that was trained elsewhere."""

from __future__ import annotations

import json
from typing import Any

from django.http import FileResponse, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin
from annotation.learning import selectors
from annotation.learning.api.serializers import ModelFile, RunOutput
from annotation.learning.card import model_card
from annotation.learning.services import take_in
from annotation.learning.services.registry import model_file
from annotation.review.api.http import parse, person
from annotation.sources.services.files import Upload


class _FileRenderer(BaseRenderer):
    """Lets content negotiation accept a file's type; errors are still JSON."""

    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data, default=str).encode()


class MarkdownRenderer(_FileRenderer):
    media_type, format = "text/markdown", "md"


class WeightsRenderer(_FileRenderer):
    media_type, format = "application/octet-stream", "safetensors"


class TakeInView(APIView):
    """A model that was trained elsewhere, from its file."""

    permission_classes = [IsAdmin]
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": ModelFile}, responses={202: RunOutput})
    def post(self, request: Request) -> Response:
        """Take in a file; 202 with the run whose job checks it and then makes it a candidate."""
        fields = parse(ModelFile, request.data)
        run = take_in.start(file=Upload.from_request(fields["file"]), user=person(request), kind=fields["kind"])
        return Response(RunOutput(run).data, status=202)


class CardView(APIView):
    """What is known of a model, to go with its file."""

    permission_classes = [IsAdmin]
    renderer_classes = [JSONRenderer, MarkdownRenderer]

    @extend_schema(responses={(200, MarkdownRenderer.media_type): OpenApiResponse(OpenApiTypes.STR, "model card")})
    def get(self, request: Request, model_id: int) -> HttpResponse:
        """The model's card in Markdown: data, licences, figures, settings."""
        model = selectors.get_model(person(request), model_id)
        card = model_card(model, selectors.evaluations_of_model(model).filter(finished_at__isnull=False).first())
        response = HttpResponse(card, content_type="text/markdown; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="model-{model.pk}.md"'
        return response


class WeightsView(APIView):
    """A model's weights."""

    permission_classes = [IsAdmin]
    renderer_classes = [JSONRenderer, WeightsRenderer]

    @extend_schema(responses={(200, WeightsRenderer.media_type): OpenApiResponse(OpenApiTypes.BINARY, "safetensors")})
    def get(self, request: Request, model_id: int) -> FileResponse:
        """The safetensors file, proven to be the registered one."""
        model = selectors.get_model(person(request), model_id)
        response = FileResponse(
            model_file(model).open("rb"), as_attachment=True, filename=f"model-{model.pk}.safetensors",
            content_type=WeightsRenderer.media_type,
        )  # fmt: skip
        response["Mapwright-Sha256"] = model.sha256
        return response
