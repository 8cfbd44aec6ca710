"""People in the admin site."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from annotation.accounts.models import User


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Django's own page of users, with the role."""

    list_display = ["username", "email", "role", "is_active", "is_superuser", "last_login"]
    list_filter = ["role", "is_active", "is_superuser"]
    fieldsets = [*(UserAdmin.fieldsets or ()), ("Mapwright", {"fields": ["role"]})]
    add_fieldsets = [*UserAdmin.add_fieldsets, ("Mapwright", {"fields": ["role"]})]
