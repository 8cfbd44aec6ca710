"""Whether removals of a region need a second person, over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import ReadOrAdmin
from annotation.changes.services import second_person
from annotation.review.api.http import parse, person
from annotation.sources.models import Region
from annotation.sources.selectors import get_region


class SecondPersonInput(serializers.Serializer):
    on = serializers.BooleanField()


class SecondPersonOutput(serializers.Serializer):
    """The rule of a region, and how many removals wait for it."""

    on = serializers.BooleanField(help_text="a removal leaves only once a second person accepted it too")
    waiting = serializers.IntegerField(help_text="removals that one person accepted and a second one is asked about")


class SecondPersonView(APIView):
    """Whether a removal needs a second person's verdict before it may leave; admins choose."""

    permission_classes = [ReadOrAdmin]

    @extend_schema(responses=SecondPersonOutput)
    def get(self, request: Request, region_id: int) -> Response:
        return self._told(get_region(person(request), region_id))

    @extend_schema(request=SecondPersonInput, responses=SecondPersonOutput)
    def put(self, request: Request, region_id: int) -> Response:
        """Switch it on (accepted removals that are in no changeset are asked about as well) or off."""
        region, wish = get_region(person(request), region_id), parse(SecondPersonInput, request.data)
        return self._told(second_person.require_second_person(user=person(request), region=region, **wish))

    def _told(self, region: Region) -> Response:
        return Response({"on": region.second_person, "waiting": second_person.waiting(region)})
