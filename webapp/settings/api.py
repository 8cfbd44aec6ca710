"""How the API answers, and how its schema is written."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "annotation.common.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "webapp.api_schema.StageSchema",
    "DEFAULT_THROTTLE_RATES": {"login": "20/min"},
    "EXCEPTION_HANDLER": "webapp.api_errors.handle",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mapwright",
    "DESCRIPTION": "Finds where aerial imagery and OpenStreetMap buildings disagree, and hands out reviewed map edits. "
    "Programs sign in with a token, made on the page of [your account](/account/). [Back to Mapwright](/)",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "Role": "annotation.accounts.models.Role",
        "JobState": "annotation.common.models.JobState",
        "ResultState": "annotation.sources.models.SourceState",
        "ItemState": "annotation.review.models.ItemState",
        "UploadState": "annotation.edits.models.UploadState",
        "ChangesetState": "annotation.edits.models.ChangesetState",
        "ModelState": "annotation.learning.models.ModelState",
        "CorrespondencesState": "annotation.correspondences.models.CorrespondencesState",
        "BatchPlan": "annotation.review.models.BatchPlan",
        "CorrespondencePlan": "annotation.correspondences.services.batches.PLANS",
        "LayerKind": "annotation.sources.base_layers.LayerKind",
        "PointRole": "annotation.correspondences.models.PointRole",
        "PointOrigin": "annotation.correspondences.models.PointOrigin",
        "ShiftOrigin": "annotation.consistency.models.ShiftOrigin",
        "TransformKind": "annotation.correspondences.models.TransformKind",
        "ImageState": "annotation.geolocation.models.ImageState",
        "PlaceState": "annotation.geolocation.models.CandidateState",
        "AnchorState": "annotation.anchors.models.AnchorState",
        "ChangeKind": "annotation.changes.models.ChangeKind",
        "ChangeDecision": "annotation.changes.models.ChangeDecision",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
