"""What a search answers."""

from __future__ import annotations

from rest_framework import serializers

from annotation.changes.models import ChangeKind


class PositionOutput(serializers.Serializer):
    """Where a query lies, or a photo says that it was taken."""

    lon = serializers.FloatField()
    lat = serializers.FloatField()
    direction_deg = serializers.FloatField(allow_null=True, help_text="where it looks, clockwise from north")


class TileFoundOutput(serializers.Serializer):
    """A tile that was found."""

    tile = serializers.IntegerField()
    region = serializers.IntegerField()
    region_name = serializers.CharField()
    address = serializers.CharField(help_text="z/x/y")
    likeness = serializers.FloatField(help_text="cosine, 1: the same; of unlike kinds of queries it can't be compared")
    score = serializers.FloatField(
        allow_null=True, help_text="probability that image and map agree, by the newest scan"
    )
    captured_on = serializers.DateField(allow_null=True)
    bounds = serializers.ListField(child=serializers.FloatField(), help_text="west, south, east, north in degrees")
    distance_m = serializers.FloatField(allow_null=True, help_text="of a tile near a position; 0: it holds it")
    image_url = serializers.CharField(help_text="its picture, 256 px; with &size=512 a larger one")
    page_url = serializers.CharField()


class LandmarkFoundOutput(serializers.Serializer):
    """A landmark that was found."""

    id = serializers.IntegerField()
    region = serializers.IntegerField()
    name = serializers.CharField()
    lon = serializers.FloatField()
    lat = serializers.FloatField()
    likeness = serializers.FloatField(help_text="1: its name holds what was asked for")
    photo_url = serializers.CharField(allow_null=True)


class SearchOutput(serializers.Serializer):
    """Tiles and landmarks, likest first; none, with the reason, where the query means nothing here."""

    kind = serializers.ChoiceField(choices=["text", "gps", "photo", "tile", "change"])
    meant = serializers.BooleanField(help_text="false: it means nothing here, or nothing can be searched")
    below = serializers.BooleanField(
        help_text="even the likest tile is less like it than what means anything; with anyway=true they are told"
    )
    why_not = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True, help_text="what found it, in words")
    position = PositionOutput(allow_null=True)
    results = TileFoundOutput(many=True)
    landmarks = LandmarkFoundOutput(many=True)


class ChangeFoundOutput(TileFoundOutput):
    """A tile that looks like that of a change, and its own change of the same kind."""

    change = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ChangeKind.choices)
    verdict = serializers.CharField(allow_blank=True, help_text="what people said of it; empty: nothing yet")


class SimilarChangesOutput(serializers.Serializer):
    """Places that look like that of a change, and what people said there."""

    similar = serializers.IntegerField()
    decided = serializers.IntegerField()
    accepted = serializers.IntegerField()
    meant = serializers.BooleanField()
    why_not = serializers.CharField(allow_blank=True)
    results = ChangeFoundOutput(many=True)


class WaitingChangesOutput(serializers.Serializer):
    """Items of the queue whose changes wait at places like that of a change, likest first."""

    items = serializers.ListField(child=serializers.IntegerField())
    why_not = serializers.CharField(allow_blank=True, help_text="why no other place was compared, or none waits")
