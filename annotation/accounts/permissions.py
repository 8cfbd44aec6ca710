"""Who may do what, by role: for API views and for pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.accounts.models import Role, User

RANKS = {Role.REVIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2}


def has_role(user: Any, role: str) -> bool:
    """Whether the person has this role or a higher one."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.is_superuser or RANKS[Role(user.role)] >= RANKS[Role(role)]


class RolePermission(BasePermission):
    """Signed in, with at least `role`."""

    role: str = Role.REVIEWER
    message = "your role does not allow this; ask an admin of this Mapwright"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return has_role(request.user, self.role)


class IsReviewer(RolePermission):
    role = Role.REVIEWER


class IsEditor(RolePermission):
    role = Role.EDITOR


class IsAdmin(RolePermission):
    role = Role.ADMIN


class ReadOrEditor(RolePermission):
    """Everyone signed in reads; editors write."""

    role = Role.EDITOR

    def has_permission(self, request: Request, view: APIView) -> bool:
        return has_role(request.user, Role.REVIEWER if request.method in {"GET", "HEAD", "OPTIONS"} else self.role)


class ReadOrAdmin(ReadOrEditor):
    """Everyone signed in reads; admins write."""

    role = Role.ADMIN


def role_required(role: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """For page views: sends the anonymous to the login page, refuses those without the role."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not has_role(request.user, role):
                raise PermissionDenied(RolePermission.message)
            return view(request, *args, **kwargs)

        return login_required(checked)

    return decorate
