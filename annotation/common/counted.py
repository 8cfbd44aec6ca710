"""Rows counted for each row of a page alone, in place of a join over all that a list could hold."""

from __future__ import annotations

from django.db.models import IntegerField, Subquery


class Counted(Subquery):
    """How many rows a query has that names the row around it by `OuterRef`; a slice bounds what is counted."""

    template, output_field = "(SELECT count(*) FROM (%(subquery)s) AS counted)", IntegerField()
