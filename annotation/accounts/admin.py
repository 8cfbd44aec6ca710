"""People in the admin site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from annotation.accounts.models import User

admin.site.site_header = admin.site.site_title = "Mapwright"
admin.site.index_title = "People, roles, and everything to look at"


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Django's own page of users, with the role."""

    list_display = ["username", "email", "role", "is_active", "is_superuser", "last_login"]
    list_filter = ["role", "is_active", "is_superuser"]
    fieldsets = [
        (None, {"fields": ["username", "password", "role", "is_active"]}),
        ("Person", {"fields": ["first_name", "last_name", "email", "last_login", "date_joined"]}),
        (
            "This admin site",
            {
                "classes": ["collapse"],
                "fields": ["is_staff", "is_superuser", "groups", "user_permissions"],
                "description": "What somebody may do in Mapwright is the role; this is about these pages alone.",
            },
        ),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["username", "role", "password1", "password2"]})]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever answered something stays, for their answers do: switch off Active instead."""
        if isinstance(obj, User) and obj.verdicts.exists():
            return False
        return super().has_delete_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "is_active" in form.base_fields:
            form.base_fields[
                "is_active"
            ].help_text = "Switched off, nobody signs in under this name. Who has answered something can't be deleted."
        return form
