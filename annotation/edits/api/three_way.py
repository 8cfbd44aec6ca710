"""An edit beside what the map has by now, and laying it over that, over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, IsReviewer
from annotation.changes.selectors import geojson, get_change
from annotation.common.errors import NotFoundError
from annotation.edits import selectors
from annotation.edits.api.serializers import EditOutput
from annotation.edits.models import Changeset, EditItem
from annotation.edits.services import freshness, rebase, three_way
from annotation.edits.states import SIDES, State
from annotation.review.api.http import parse, person

SERVER = "server"
AGAINST = ("map", SERVER)


class StateOutput(serializers.Serializer):
    """A building as one map has it."""

    key = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    edited_at = serializers.DateTimeField(allow_null=True)
    geometry = serializers.DictField()
    digest = serializers.CharField(help_text="names this very state: send it back as `seen`")


class PartOutput(serializers.Serializer):
    choices = serializers.ListField(child=serializers.ChoiceField(choices=SIDES))
    suggested = serializers.CharField(help_text="empty where both changed it and a person has to say")
    why_not = serializers.CharField(help_text="why it can't be ours; empty where it can")


class TagRowOutput(serializers.Serializer):
    """A key that the three don't agree about; null where one lacks it."""

    key = serializers.CharField()
    base = serializers.CharField(allow_null=True)
    theirs = serializers.CharField(allow_null=True)
    ours = serializers.CharField(allow_null=True)
    both = serializers.BooleanField(help_text="both changed it, and differently")


class ThreeWayOutput(serializers.Serializer):
    change = serializers.IntegerField()
    action = serializers.CharField(help_text="add, modify, shifted, remove, demolish or confirm")
    code = serializers.CharField()
    detail = serializers.CharField()
    base = StateOutput(allow_null=True, help_text="what the edit was made for; null of a new building")
    theirs = StateOutput(allow_null=True, help_text="what the newest map has; null where it is gone")
    ours = serializers.DictField(allow_null=True, help_text="the shape afterwards; null where the building goes")
    rows = TagRowOutput(many=True)
    shape = PartOutput(allow_null=True, help_text="null: the edit changes no shape")
    tags = PartOutput(allow_null=True, help_text="null: the edit sets no tags")
    why_not = serializers.CharField(help_text="why it can't be laid over theirs; empty where it can")


class ConflictSeen(serializers.Serializer):
    conflict = ThreeWayOutput(allow_null=True, help_text="null: nothing newer speaks against it")


class AgainstQuery(serializers.Serializer):
    against = serializers.ChoiceField(
        choices=AGAINST, required=False, default=AGAINST[0], help_text="the region's newest map, or the map's server"
    )


class RebaseInput(AgainstQuery):
    seen = serializers.CharField(max_length=64, help_text="`digest` of theirs, as it was looked at")
    shape = serializers.ChoiceField(choices=SIDES, required=False, allow_null=True, default=None)
    tags = serializers.ChoiceField(choices=SIDES, required=False, allow_null=True, default=None)


class FreshnessOutput(serializers.Serializer):
    state = serializers.ChoiceField(
        choices=freshness.STATES, help_text="off: nothing is asked here, or not of this building; unknown: see detail"
    )
    detail = serializers.CharField(help_text="what is newer there, or why nothing is known")
    asked_at = serializers.DateTimeField(allow_null=True, help_text="when the server was asked")


class ThreeWayView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(parameters=[AgainstQuery], responses=ConflictSeen)
    def get(self, request: Request, changeset_id: int, change_id: int) -> Response:
        """An edit of a changeset beside the newest map, or the map's server, where that says otherwise."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        item = _item(changeset, change_id)
        against = parse(AgainstQuery, request.query_params)["against"]
        return Response(_told(three_way.three_way(item, _there(item, against))))


class ChangeThreeWayView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(parameters=[AgainstQuery], responses=ConflictSeen)
    def get(self, request: Request, change_id: int) -> Response:
        """A suggestion beside the newest map, or the map's server, where that says otherwise than the scanned one."""
        change = get_change(person(request), change_id)
        against = parse(AgainstQuery, request.query_params)["against"]
        there = freshness.seen(change) if against == SERVER else None
        return Response(_told(three_way.of_change(change, there)))


class FreshnessView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=FreshnessOutput)
    def get(self, request: Request, change_id: int) -> Response:
        """Whether the map's server has a suggestion's building in a newer state, where uploads are on.

        It is asked where nothing is known of the last minutes; that it gives no answer is told as unknown.
        """
        change = get_change(person(request), change_id)
        return Response(FreshnessOutput(freshness.of_change(change)).data)


class RebaseView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=RebaseInput, responses=EditOutput)
    def post(self, request: Request, changeset_id: int, change_id: int) -> Response:
        """Lay an edit over the newest map's state of its building, part by part."""
        user = person(request)
        changeset = selectors.get_changeset(user, changeset_id)
        wished = parse(RebaseInput, request.data)
        there = _there(_item(changeset, change_id), wished.pop("against"))  # asked before anything is locked
        item = rebase.rebase(user=user, changeset=changeset, change_id=change_id, there=there, **wished)
        return Response(EditOutput(item).data)


def _item(changeset: Changeset, change_id: int) -> EditItem:
    item = selectors.items_of(changeset).filter(change=change_id).first()
    if item is None:
        raise NotFoundError("this changeset holds no such edit; load it again")
    return item


def _there(item: EditItem, against: str) -> three_way.Seen | None:
    return three_way.on_server(item) if against == SERVER else None


def _told(found: three_way.ThreeWay | None) -> dict[str, Any]:
    if found is None:
        return {"conflict": None}
    shown = {**vars(found), "base": _shown(found.base), "theirs": _shown(found.theirs)}
    shown["ours"] = geojson(found.ours) if found.ours is not None else None
    return ConflictSeen({"conflict": shown}).data


def _shown(state: State | None) -> dict[str, Any] | None:
    if state is None:
        return None
    told = {name: getattr(state, name) for name in ("key", "version", "edited_at", "digest")}
    return {**told, "geometry": geojson(state.geometry)}
