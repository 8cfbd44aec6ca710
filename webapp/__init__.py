"""Composition of the Django project: settings, URLs, Celery, server entry points."""
