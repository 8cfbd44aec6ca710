"""Addresses of the queue, relative to /api/."""

from django.urls import path

from annotation.review.api import audit, views

urlpatterns = [
    path("review/<slug:stage>/claim/", views.ClaimView.as_view(), name="api-review-claim"),
    path("review/<slug:stage>/assign/", views.AssignView.as_view(), name="api-review-assign"),
    path("review/<slug:stage>/waiting/", views.WaitingView.as_view(), name="api-review-waiting"),
    path("review/<slug:stage>/statistics/", views.StatisticsView.as_view(), name="api-review-statistics"),
    path("review/<slug:stage>/people/", audit.PeopleView.as_view(), name="api-review-people"),
    path("review/<slug:stage>/audit/", audit.AuditView.as_view(), name="api-review-audit"),
    path("review/items/<int:item_id>/reassign/", views.ReassignView.as_view(), name="api-review-reassign"),
    path("review/items/<int:item_id>/claim/", views.ReclaimView.as_view(), name="api-review-reclaim"),
    path("review/items/<int:item_id>/heartbeat/", views.HeartbeatView.as_view(), name="api-review-heartbeat"),
    path("review/items/<int:item_id>/release/", views.ReleaseView.as_view(), name="api-review-release"),
    path("review/items/<int:item_id>/decide/", views.DecideView.as_view(), name="api-review-decide"),
    path("review/items/<int:item_id>/undo/", views.UndoView.as_view(), name="api-review-undo"),
    path("review/items/<int:item_id>/history/", views.HistoryView.as_view(), name="api-review-history"),
]
