"""What goes out of the API of uploads; no token, key or byte of a diff is among it."""

from rest_framework import serializers

from annotation.edits.models import Fate, Upload, UploadReceipt, UploadState


class UploadReason(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


class OsmAccountOutput(serializers.Serializer):
    """Where uploads go, and as whom."""

    server = serializers.CharField(allow_null=True, help_text="empty where uploads are off")
    site = serializers.CharField(allow_null=True)
    name = serializers.CharField(allow_null=True, help_text="the account there; empty: nobody is signed in")
    why_not = UploadReason(many=True)


class ProblemOutput(serializers.Serializer):
    """Why an upload ended without effect."""

    code = serializers.CharField()
    detail = serializers.CharField()
    key = serializers.CharField(required=False, help_text="the element, such as way/12")
    change = serializers.IntegerField(required=False, allow_null=True, help_text="the change whose edit is about it")
    ours = serializers.IntegerField(required=False)
    theirs = serializers.IntegerField(required=False)


class UploadOutput(serializers.ModelSerializer):
    user = serializers.CharField(source="user.username", default=None)
    state = serializers.ChoiceField(choices=UploadState.choices)
    url = serializers.CharField(allow_null=True, help_text="the changeset on the map's site")
    receipts = serializers.IntegerField(source="receipt_count", help_text="elements whose fate is known")
    problem = ProblemOutput(source="why_without_effect", allow_null=True)
    ended = serializers.BooleanField()

    class Meta:
        model = Upload
        fields = ["id", "changeset", "created_at", "user", "server", "osm_name", "state", "ended", "elements", "sha256",
                  "osm_changeset", "url", "receipts", "problem", "job_id", "done_at"]  # fmt: skip
        read_only_fields = fields


class SettleInput(serializers.Serializer):
    outcome = serializers.ChoiceField(
        choices=[("done", "done"), ("failed", "failed")],
        required=False,
        help_text="whether the edits are in the map, as an admin saw there; used only where reading does not tell",
    )


class UploadOutlook(serializers.Serializer):
    """What an upload would send, what stands against it, and the uploads so far."""

    may = serializers.BooleanField()
    why_not = UploadReason(many=True)
    warnings = UploadReason(many=True)
    creates = serializers.IntegerField()
    modifies = serializers.IntegerField()
    deletes = serializers.IntegerField()
    server = serializers.CharField(allow_null=True)
    site = serializers.CharField(allow_null=True)
    account = serializers.CharField(allow_null=True)
    uploads = UploadOutput(many=True)


class ReceiptsQuery(serializers.Serializer):
    fate = serializers.MultipleChoiceField(choices=Fate.choices, required=False, help_text="only what met these fates")


class ReceiptOutput(serializers.ModelSerializer):
    class Meta:
        model = UploadReceipt
        fields = ["id", "kind", "old_id", "new_id", "new_version", "fate", "their_version", "their_user",
                  "their_changeset"]  # fmt: skip
        read_only_fields = fields


class CommentOutput(serializers.Serializer):
    at = serializers.CharField()
    user = serializers.CharField()
    text = serializers.CharField()


class WatchedOutput(UploadOutput):
    """An upload that is in the map, and what became of it since."""

    comment = serializers.CharField(source="changeset.comment")
    comments = CommentOutput(many=True, help_text="what people say of the changeset, the oldest first")
    as_sent = serializers.IntegerField(source="as_sent_count", help_text="elements that stand as they were sent")
    edited = serializers.IntegerField(source="edited_count", help_text="elements that others changed since")
    deleted = serializers.IntegerField(source="deleted_count", help_text="elements that others deleted since")
    reverted = serializers.IntegerField(source="reverted_count", help_text="elements that are as before the upload")

    class Meta(UploadOutput.Meta):
        fields = [*UploadOutput.Meta.fields, "comment", "watched_at", "watch_job_id", "comments", "as_sent", "edited",
                  "deleted", "reverted"]  # fmt: skip
        read_only_fields = fields


class WatchStarted(serializers.Serializer):
    job_id = serializers.UUIDField(source="pk")
