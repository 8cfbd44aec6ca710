"""Users and what they may do."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    REVIEWER = "reviewer"
    EDITOR = "editor"
    ADMIN = "admin"


class User(AbstractUser):
    """A person with one role: reviewers decide, editors also move data in and out, admins also train and scan."""

    role = models.CharField(max_length=16, choices=Role, default=Role.REVIEWER)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known")]

    @property
    def is_editor(self) -> bool:
        return self.is_active and (self.is_superuser or self.role in {Role.EDITOR, Role.ADMIN})

    @property
    def is_admin(self) -> bool:
        return self.is_active and (self.is_superuser or self.role == Role.ADMIN)
