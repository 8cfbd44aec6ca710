"""What training says of its data, runs, models and comparisons over HTTP."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.learning import selectors
from annotation.learning.errors import UnknownKindError, UnknownPresetError
from annotation.learning.kinds import kind_of
from annotation.learning.models import MATCHER, REGION, Evaluation, ModelVersion, TrainingRun
from annotation.learning.run_settings import differences
from annotation.sources.api.jobs import JobOutput
from annotation.sources.selectors import visible_regions


class DataOutput(serializers.Serializer):
    """What the next training would learn from."""

    pairs = serializers.IntegerField(help_text="mapped tiles with enough image")
    needed = serializers.IntegerField(help_text="the fewest that the usual training takes")
    decisions = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="{kind: {accepted, adjusted, rejected}}",
    )
    left_out = serializers.DictField(
        child=serializers.IntegerField(), help_text="verdicts that teach nothing: no_answer, map_changed"
    )
    model = serializers.IntegerField(allow_null=True, help_text="the model in use")
    new = serializers.IntegerField(help_text="decisions that the model in use has not learnt from")


class MatchersDataOutput(serializers.Serializer):
    """What the next training of a matcher would learn from: verified tiles of all regions."""

    learnt = serializers.IntegerField(help_text="tiles to learn from")
    needed = serializers.IntegerField(help_text="the fewest that a training takes")
    held_out = serializers.IntegerField(help_text="tiles on blocks that no matcher learns: models are compared there")
    blocks = serializers.IntegerField(help_text="how many such blocks")
    corrected = serializers.IntegerField(help_text="of all tiles, those whose points a person set")
    people = serializers.IntegerField(help_text="who verified them")
    regions = serializers.IntegerField()
    gate_alone = serializers.IntegerField(help_text="stand by the gate of the settings alone: nothing learns from them")
    model = serializers.IntegerField(allow_null=True, help_text="the model in use")
    in_use = serializers.CharField(help_text="what matches now, in words")
    new = serializers.IntegerField(help_text="tiles that the model in use has not learnt from")


class LocatorsDataOutput(serializers.Serializer):
    """What the next training of a locator would learn from: imagery of all regions."""

    images = serializers.IntegerField(help_text="imagery that is ready")
    regions = serializers.IntegerField()
    new = serializers.IntegerField(help_text="images that the model in use has not learnt from")
    model = serializers.IntegerField(allow_null=True, help_text="the model in use")
    in_use = serializers.CharField(help_text="what looks for images now, in words")
    weights = serializers.BooleanField(help_text="whether anything looks for images now")


class IntervalOutput(serializers.Serializer):
    """A figure with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class FigureOutput(serializers.Serializer):
    """One figure of the model (first) beside the other (second)."""

    name = serializers.CharField()
    count = serializers.IntegerField(help_text="tiles, errors or decisions that it rests on")
    first = IntervalOutput(allow_null=True)
    second = IntervalOutput(allow_null=True)
    difference = IntervalOutput(allow_null=True, help_text="first - second on the same draws of blocks")
    word = serializers.ChoiceField(choices=["better", "worse", "unclear", "too_few", "alone"])


class EvaluationOutput(serializers.ModelSerializer):
    """A model beside another one on a frozen set; without figures until its job is done."""

    job = JobOutput(allow_null=True)
    figures = FigureOutput(many=True, read_only=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Evaluation
        fields = ["id", "model", "against", "frozen_sha256", "counts", "figures", "job", "finished_at", "created_at"]
        read_only_fields = fields


class ModelOutput(serializers.ModelSerializer):
    """A model of the registry, as `context["user"]` may know it."""

    metrics = serializers.DictField(child=serializers.FloatField(), read_only=True)
    about = serializers.SerializerMethodField(
        help_text="data digest, decisions, licences, as in the file; of a model for all regions the sources of those "
        "that you may see, and the number of regions `elsewhere`"
    )
    evaluation = serializers.SerializerMethodField(help_text="the newest comparison")

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "name",
            "notes",
            "kind",
            "region",
            "run",
            "state",
            "sha256",
            "metrics",
            "about",
            "before",
            "evaluation",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_about(self, version: ModelVersion) -> dict[str, Any]:
        kept, about = cast(dict[str, Any], self.context), dict[str, Any](version.about)
        if "sources" not in about:
            return about
        if "seen" not in kept:
            kept["seen"] = set(visible_regions(kept["user"]).values_list("pk", flat=True))
        return selectors.told_of(version, kept["user"], kept["seen"])

    @extend_schema_field(EvaluationOutput(allow_null=True))
    def get_evaluation(self, version: ModelVersion) -> Any:
        newest = max(version.evaluations.all(), key=lambda one: one.pk, default=None)
        return EvaluationOutput(newest, context=self.context).data if newest else None


class ModelWords(serializers.Serializer):
    """What people say of a model; what is left out stays as it is."""

    name = serializers.CharField(max_length=80, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=4000, required=False, allow_blank=True)


class RunOutput(serializers.ModelSerializer):
    """A training run; its state is that of its job."""

    job = JobOutput(allow_null=True)
    data_set = serializers.SerializerMethodField()
    model = serializers.SerializerMethodField()
    metrics = serializers.DictField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = TrainingRun
        fields = ["id", "kind", "region", "preset", "seed", "data_set", "job", "model", "metrics", "created_at"]
        read_only_fields = fields

    def get_data_set(self, run: TrainingRun) -> dict[str, Any]:
        data_set = run.data_set
        counts = {"decisions": data_set.decision_counts, "anchors": data_set.anchor_counts}
        pairs = run.pairs if hasattr(run, "pairs") else len(data_set.pairs)  # counted for lists
        return {"digest": data_set.digest, "pairs": pairs, **counts}

    def get_model(self, run: TrainingRun) -> int | None:
        version = getattr(run, "model_version", None)
        return version.pk if version else None


class RunDetailOutput(RunOutput):
    """A run with its settings and its live curves."""

    changed = serializers.SerializerMethodField(help_text="settings that differ from the preset, by dotted name")
    figures = serializers.SerializerMethodField(help_text="by name: [[step, value], ...], at most 500 points each")

    class Meta(RunOutput.Meta):
        fields = [*RunOutput.Meta.fields, "config", "changed", "figures"]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=serializers.JSONField()))
    def get_changed(self, run: TrainingRun) -> dict[str, Any]:
        try:
            usual = kind_of(run.kind).config_of(run.preset)
        except (UnknownKindError, UnknownPresetError):  # a file that was taken in, or a size of an earlier version
            return {}
        return differences(run.config, usual)

    def get_figures(self, run: TrainingRun) -> dict[str, list[tuple[int, float]]]:
        return selectors.curves(run)


class KindQuery(serializers.Serializer):
    """Which kind of model."""

    kind = serializers.CharField(max_length=32, default=REGION, help_text="left out: the region's own model")


class KindFilter(serializers.Serializer):
    """Which kind of model a list is narrowed to."""

    kind = serializers.CharField(max_length=32, required=False, default="", help_text="left out: every kind")


class ModelFile(serializers.Serializer):
    """The weights of a model that was trained elsewhere."""

    kind = serializers.CharField(max_length=32, default=MATCHER)
    file = serializers.FileField(allow_empty_file=False, max_length=255, help_text="safetensors, as exported here")


class SettingsQuery(KindQuery):
    """Which kind of model, and of which size."""

    preset = serializers.CharField(max_length=32, default="compact")


class SettingsOutput(serializers.Serializer):
    """What a person may change of a training of one size, by dotted name: `{"evidence.epochs": 16, ...}`."""

    settings = serializers.DictField(child=serializers.JSONField())


class AgainstInput(serializers.Serializer):
    """The other one of a comparison."""

    against = serializers.IntegerField(
        required=False, allow_null=True, help_text="a model; null: what is built in; left out: the model in use"
    )


class TrainingStart(KindQuery):
    """Size of the models, and the seed that makes a training repeatable."""

    preset = serializers.CharField(max_length=32, default="compact")
    seed = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, default=0, error_messages={"null": "Give a whole number, such as 0."}
    )
    settings = serializers.DictField(
        child=serializers.JSONField(),
        default=dict,
        help_text='what is to differ from the preset: {"evidence.epochs": 20}',
    )
