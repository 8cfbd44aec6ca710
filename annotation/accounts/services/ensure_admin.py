"""Makes the first admin of a new installation."""

from __future__ import annotations

import secrets

from django.db import transaction

from annotation.accounts.models import Role, User


@transaction.atomic
def ensure_admin(username: str) -> str | None:
    """Make the admin with a random password and return it; None where some active admin exists already."""
    if User.objects.filter(is_superuser=True, is_active=True).exists():
        return None
    password = secrets.token_urlsafe(15)
    user, _ = User.objects.get_or_create(username=username)
    user.role, user.is_superuser, user.is_staff, user.is_active = Role.ADMIN, True, True, True
    user.set_password(password)
    user.save()
    return password
