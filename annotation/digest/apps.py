"""Django's entry for this app."""

from django.apps import AppConfig


class DigestConfig(AppConfig):
    name = "annotation.digest"
    label = "digest"
