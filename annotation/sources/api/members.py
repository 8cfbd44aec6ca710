"""Members of a region over HTTP."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.models import User
from annotation.accounts.permissions import ReadOrAdmin
from annotation.sources import selectors
from annotation.sources.models import Region
from annotation.sources.services.members import add_member, remove_member


class MemberRow(serializers.ModelSerializer[User]):
    """A person who works on a region."""

    class Meta:
        model = User
        fields = ["id", "username", "role"]
        read_only_fields = fields


class MemberInput(serializers.Serializer):
    username = serializers.CharField(max_length=150)


class MembersView(GenericAPIView):
    """Who works on a region; admins let people in. Admins and, where it is open to all, everybody work on it too."""

    permission_classes = [ReadOrAdmin]
    serializer_class = MemberRow
    queryset = User.objects.none()

    def _region(self, region_id: int) -> Region:
        return selectors.get_region(cast(User, self.request.user), region_id)

    @extend_schema(operation_id="regions_members_list", responses=MemberRow(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        people = User.objects.filter(memberships__region=self._region(region_id)).order_by("pk")
        return self.get_paginated_response(MemberRow(self.paginate_queryset(people), many=True).data)

    @extend_schema(request=MemberInput, responses={201: MemberRow})
    def post(self, request: Request, region_id: int) -> Response:
        """Let a person in, by the name they sign in with."""
        body = MemberInput(data=request.data)
        body.is_valid(raise_exception=True)
        user, region = cast(User, request.user), self._region(region_id)
        person = add_member(user=user, region=region, **body.validated_data)
        return Response(MemberRow(person).data, status=status.HTTP_201_CREATED)


class MemberView(GenericAPIView):
    """One member."""

    permission_classes = [ReadOrAdmin]
    serializer_class = MemberRow
    pagination_class = None

    @extend_schema(responses={204: None})
    def delete(self, request: Request, region_id: int, member_id: int) -> Response:
        """Take a person out; what they decided stays."""
        user = cast(User, request.user)
        remove_member(user=user, region=selectors.get_region(user, region_id), member_id=member_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
