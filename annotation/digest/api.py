"""One's own digest over HTTP."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsReviewer
from annotation.digest.models import Digest, Every
from annotation.digest.services.choose import choose
from annotation.review.api.http import parse, person


class DigestInput(serializers.Serializer):
    every = serializers.ChoiceField(choices=Every.choices)


class DigestOutput(serializers.Serializer):
    every = serializers.ChoiceField(choices=Every.choices)
    email = serializers.CharField(allow_blank=True, help_text="where it goes; empty: an administrator has to enter it")
    sends_email = serializers.BooleanField(help_text="false: this Mapwright sends no e-mail at all")


class MyDigestView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=DigestOutput)
    def get(self, request: Request) -> Response:
        """How often one's own digest comes."""
        user = person(request)
        return Response(_shown(user, Digest.objects.filter(user=user).first()))

    @extend_schema(request=DigestInput, responses=DigestOutput)
    def put(self, request: Request) -> Response:
        """Have a digest of one's regions by e-mail every day or week, or never."""
        user = person(request)
        return Response(_shown(user, choose(user=user, **parse(DigestInput, request.data))))


def _shown(user: User, digest: Digest | None) -> dict[str, Any]:
    every = digest.every if digest is not None else Every.NEVER
    return DigestOutput({"every": every, "email": user.email, "sends_email": settings.SENDS_EMAIL}).data


urlpatterns = [path("me/digest/", MyDigestView.as_view(), name="api-my-digest")]
