"""The operation of the whole, on top of every stage."""

from django.apps import AppConfig


class OperationConfig(AppConfig):
    name = "annotation.operation"
    label = "operation"
