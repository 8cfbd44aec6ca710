"""Addresses of map edits, relative to /api/."""

from django.urls import path

from annotation.edits.api import areas, exits, three_way, uploads, views, webhooks

urlpatterns = [
    path("regions/<int:region_id>/changesets/", views.ChangesetsView.as_view(), name="api-changesets"),
    path("regions/<int:region_id>/changesets/areas/", areas.AreasView.as_view(), name="api-changeset-areas"),
    path("regions/<int:region_id>/changesets/many/", areas.ManyView.as_view(), name="api-changesets-many"),
    path("changesets/<int:changeset_id>/", views.ChangesetView.as_view(), name="api-changeset"),
    path("changesets/<int:changeset_id>/edits/<int:change_id>/", views.EditView.as_view(), name="api-changeset-edit"),
    path(
        "changesets/<int:changeset_id>/edits/<int:change_id>/three-way/",
        three_way.ThreeWayView.as_view(),
        name="api-changeset-three-way",
    ),
    path(
        "changesets/<int:changeset_id>/edits/<int:change_id>/rebase/",
        three_way.RebaseView.as_view(),
        name="api-changeset-rebase",
    ),
    path("changes/<int:change_id>/on-server/", three_way.FreshnessView.as_view(), name="api-change-on-server"),
    path("changes/<int:change_id>/three-way/", three_way.ChangeThreeWayView.as_view(), name="api-change-three-way"),
    path("changesets/<int:changeset_id>/versions/", views.VersionsView.as_view(), name="api-changeset-versions"),
    path("changesets/<int:changeset_id>/edits.osc", views.OscView.as_view(), name="api-changeset-osc"),
    path("changesets/<int:changeset_id>/edits.geojson", views.GeoJsonView.as_view(), name="api-changeset-geojson"),
    path("changesets/<int:changeset_id>/edits.osm", exits.JosmView.as_view(), name="api-changeset-josm"),
    path(
        "changesets/<int:changeset_id>/maproulette.geojson",
        exits.MapRouletteView.as_view(),
        name="api-changeset-maproulette",
    ),
    path("changesets/<int:changeset_id>/links/", exits.LinksView.as_view(), name="api-changeset-links"),
    # JOSM takes the kind of a file from the end of its address.
    path("links/<str:token>/changeset.osm", exits.LinkedJosmView.as_view(), name="api-linked-josm"),
    path(
        "links/<str:tiles_token>/tiles/<int:z>/<int:x>/<int:y>.png",
        exits.LinkedTileView.as_view(),
        name="api-linked-tile",
    ),
    path("changesets/<int:changeset_id>/upload/", uploads.ChangesetUploadView.as_view(), name="api-changeset-upload"),
    path("regions/<int:region_id>/uploads/", uploads.WatchedView.as_view(), name="api-uploads"),
    path("uploads/<int:upload_id>/watch/", uploads.WatchView.as_view(), name="api-upload-watch"),
    path("uploads/<int:upload_id>/", uploads.UploadView.as_view(), name="api-upload"),
    path("uploads/<int:upload_id>/resume/", uploads.UploadResumeView.as_view(), name="api-upload-resume"),
    path("uploads/<int:upload_id>/give-up/", uploads.UploadGiveUpView.as_view(), name="api-upload-give-up"),
    path("uploads/<int:upload_id>/settle/", uploads.UploadSettleView.as_view(), name="api-upload-settle"),
    path("uploads/<int:upload_id>/receipts/", uploads.ReceiptsView.as_view(), name="api-upload-receipts"),
    path("webhooks/", webhooks.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<int:webhook_id>/", webhooks.WebhookView.as_view(), name="api-webhook"),
    path("webhooks/<int:webhook_id>/deliveries/", webhooks.DeliveriesView.as_view(), name="api-webhook-deliveries"),
    path("webhook-deliveries/<int:delivery_id>/again/", webhooks.DeliveryAgainView.as_view(), name="api-again"),
    path("osm-account/", uploads.OsmAccountView.as_view(), name="api-osm-account"),
]
