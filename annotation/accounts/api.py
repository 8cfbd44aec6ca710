"""Accounts over HTTP: a token for programs, and who one is."""

from __future__ import annotations

from typing import cast

from django.contrib.auth import authenticate
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authtoken.models import Token
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle

from annotation.accounts.errors import WrongCredentialsError
from annotation.accounts.models import User
from annotation.accounts.permissions import IsReviewer
from annotation.accounts.services.tokens import replace_token


class LoginThrottle(AnonRateThrottle):
    """Few tries per address and minute; on top of the lock-out that counts failures."""

    scope = "login"


class Credentials(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=256, trim_whitespace=False, style={"input_type": "password"})


class TokenOutput(serializers.Serializer):
    token = serializers.CharField()


class Me(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "username", "first_name", "last_name", "role", "is_editor", "is_admin"]
        read_only_fields = fields


class TokenView(GenericAPIView):
    """A token for `Authorization: Token ...`; the same one until an admin removes it."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [LoginThrottle]
    serializer_class = Credentials
    pagination_class = None

    @extend_schema(request=Credentials, responses=TokenOutput, auth=[])
    def post(self, request: Request) -> Response:
        body = Credentials(data=request.data)
        body.is_valid(raise_exception=True)
        user = authenticate(request._request, **body.validated_data)
        if user is None:
            raise WrongCredentialsError("user name or password are wrong")
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})


class MeView(GenericAPIView):
    """Who is signed in, and what they may do."""

    permission_classes = [IsReviewer]
    serializer_class = Me
    pagination_class = None

    @extend_schema(responses=Me)
    def get(self, request: Request) -> Response:
        return Response(Me(cast(User, request.user)).data)


class MyToken(serializers.Serializer):
    created = serializers.DateTimeField(
        allow_null=True, help_text="when the present token was made; null: there is none"
    )


class MyTokenView(GenericAPIView):
    """One's own token for programs: whether there is one, a new one in its place, none."""

    permission_classes = [IsReviewer]
    serializer_class = MyToken
    pagination_class = None

    @extend_schema(responses=MyToken)
    def get(self, request: Request) -> Response:
        """When the present token was made; the token itself is shown only when it is made."""
        token = Token.objects.filter(user=cast(User, request.user)).first()
        return Response(MyToken({"created": token.created if token else None}).data)

    @extend_schema(request=None, responses={201: TokenOutput})
    def post(self, request: Request) -> Response:
        """Make a token; an earlier one works no longer."""
        return Response({"token": replace_token(cast(User, request.user))}, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Programs can't sign in as this person any more."""
        Token.objects.filter(user=cast(User, request.user)).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


urlpatterns = [
    path("me/token/", MyTokenView.as_view(), name="api-my-token"),
    path("auth/token/", TokenView.as_view(), name="api-token"),
    path("me/", MeView.as_view(), name="api-me"),
]
