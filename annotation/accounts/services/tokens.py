"""Tokens by which programs sign in as a person."""

from __future__ import annotations

from django.db import transaction
from rest_framework.authtoken.models import Token

from annotation.accounts.models import User


def replace_token(user: User) -> str:
    """A new token for the person; the one before works no longer."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        Token.objects.filter(user=user).delete()
        return Token.objects.create(user=user).key
