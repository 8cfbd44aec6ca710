"""Composition of the Django project: settings, URLs, Celery, server entry points."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
