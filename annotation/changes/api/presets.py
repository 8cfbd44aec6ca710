"""The tag form's kinds of buildings and their fields over HTTP."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes.presets import ENGLISH, LANGUAGE
from annotation.changes.tagging import tag_form
from annotation.review.api.http import parse

FIELD_TYPES = "combo, check, number, semiCombo, multiCombo, ... as in the package's SCHEMA.md"


class PresetsQuery(serializers.Serializer):
    language = serializers.RegexField(
        rf"\A{LANGUAGE.pattern}\Z", max_length=12, required=False, default=ENGLISH,
        help_text="names in this language as far as they are translated, such as de or pt-BR; else English ones",
    )  # fmt: skip


class PresetOutput(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    terms = serializers.ListField(child=serializers.CharField(), help_text="other words it is found by")
    tags = serializers.DictField(child=serializers.CharField(), help_text="what a building has that is one; *: any")
    add_tags = serializers.DictField(child=serializers.CharField(), help_text="what choosing it sets")
    remove_tags = serializers.DictField(child=serializers.CharField(), help_text="what leaving it takes away; *: any")
    fields = serializers.ListField(child=serializers.CharField(), help_text="ids of fields that are asked for")  # type: ignore[assignment]
    more_fields = serializers.ListField(child=serializers.CharField(), help_text="ids of fields that may be added")
    searchable = serializers.BooleanField(help_text="false: only names what the map has already")


class OptionOutput(serializers.Serializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    about = serializers.CharField(allow_blank=True)


class FieldOutput(serializers.Serializer):
    id = serializers.CharField()
    key = serializers.CharField(allow_blank=True)
    keys = serializers.ListField(child=serializers.CharField())
    type = serializers.CharField(help_text=FIELD_TYPES)
    label = serializers.CharField()  # type: ignore[assignment]
    placeholder = serializers.CharField(allow_blank=True)
    options = OptionOutput(many=True)
    custom_values = serializers.BooleanField(help_text="whether the form takes other values than the options")
    default = serializers.CharField(allow_blank=True)
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    pattern = serializers.CharField(allow_blank=True)
    here = serializers.BooleanField(help_text="false: names, addresses and the like are edited in iD or JOSM")


class PresetsOutput(serializers.Serializer):
    version = serializers.CharField(help_text="of the package @openstreetmap/id-tagging-schema")
    licence = serializers.CharField()
    language = serializers.CharField()
    presets = PresetOutput(many=True)
    fields = serializers.DictField(child=FieldOutput(), help_text="by id")  # type: ignore[assignment]


class BuildingPresetsView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(parameters=[PresetsQuery], responses=PresetsOutput)
    def get(self, request: Request) -> HttpResponse:
        """Kinds of buildings with their tags and fields, by OpenStreetMap's presets; 304 where the client has them."""
        found = tag_form(parse(PresetsQuery, request.query_params)["language"])
        digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:32]
        response = get_conditional_response(request._request, etag=f'"{digest}"') or Response(found)
        response["ETag"] = f'"{digest}"'
        response["Cache-Control"] = "private, no-cache"
        return response
