"""Addresses of training, relative to /api/."""

from django.urls import path

from annotation.learning.api import files, views

urlpatterns = [
    path("regions/<int:region_id>/training-data/", views.DataView.as_view(), name="api-training-data"),
    path("regions/<int:region_id>/training-runs/", views.RunsView.as_view(), name="api-training-runs"),
    path("training-settings/", views.SettingsView.as_view(), name="api-training-settings"),
    path("training-runs/<int:run_id>/", views.RunView.as_view(), name="api-training-run"),
    path("regions/<int:region_id>/models/", views.ModelsView.as_view(), name="api-models"),
    path("regions/<int:region_id>/models/roll-back/", views.RollBackView.as_view(), name="api-models-roll-back"),
    path("training-data/", views.MatchersDataView.as_view(), name="api-all-regions-training-data"),
    path("training-data/locators/", views.LocatorsDataView.as_view(), name="api-locators-training-data"),
    path("training-runs/", views.RunsView.as_view(), name="api-all-regions-training-runs"),
    path("models/", views.ModelsView.as_view(), name="api-all-regions-models"),
    path("models/import/", files.TakeInView.as_view(), name="api-all-regions-models-import"),
    path("models/roll-back/", views.RollBackView.as_view(), name="api-all-regions-roll-back"),
    path("models/<int:model_id>/", views.ModelView.as_view(), name="api-model"),
    path("models/<int:model_id>/promote/", views.PromoteView.as_view(), name="api-model-promote"),
    path("models/<int:model_id>/evaluations/", views.EvaluationsView.as_view(), name="api-model-evaluations"),
    path("models/<int:model_id>/card.md", files.CardView.as_view(), name="api-model-card"),
    path("models/<int:model_id>/weights.safetensors", files.WeightsView.as_view(), name="api-model-weights"),
]
