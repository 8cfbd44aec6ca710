"""Who gets a digest, how often, and up to when it was told."""

from __future__ import annotations

from secrets import token_urlsafe

from django.conf import settings
from django.db import models
from django.utils import timezone


class Every(models.TextChoices):
    NEVER = "never"
    DAY = "day"
    WEEK = "week"


def fresh_key() -> str:
    return token_urlsafe(18)


class Digest(models.Model):
    """A person's digest. The row stays when it is switched off, so that the links of earlier messages stay good."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digest")
    every = models.CharField(max_length=8, choices=Every, default=Every.NEVER)
    key = models.CharField(max_length=40, default=fresh_key, help_text="its links to unsubscribe are signed for it")
    told_to = models.DateTimeField(
        default=timezone.now, help_text="what happened before was told, or was nobody's to tell"
    )
    undone = models.JSONField(
        default=dict, help_text="elements undone in the map, by upload, as they were told; newer ones are news"
    )
    regions = models.JSONField(
        default=list, help_text="ids of the regions whose elements undone are known; those of others are no news yet"
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(every__in=Every.values), name="digest_every_known")]
        indexes = [
            models.Index(fields=["every", "told_to"], condition=~models.Q(every="never"), name="digest_due"),
        ]

    def __str__(self) -> str:
        return f"digest of {self.user_id}: {self.every}"
