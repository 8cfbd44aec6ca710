"""Addresses of suspected changes, relative to /api/."""

from django.urls import path

from annotation.changes.api import bulk, files, groups, presets, queue, second_person, tags, views
from annotation.changes.api import saved_filters as filters

urlpatterns = [
    path("regions/<int:region_id>/changes/", views.ChangesView.as_view(), name="api-changes"),
    path("regions/<int:region_id>/changes.geojson", views.ChangesGeoJsonView.as_view(), name="api-changes-geojson"),
    path("regions/<int:region_id>/changes.csv", files.ChangesCsvView.as_view(), name="api-changes-csv"),
    path("regions/<int:region_id>/changes.gpkg", files.ChangesGeoPackageView.as_view(), name="api-changes-geopackage"),
    path("regions/<int:region_id>/changes.coco.json", files.ChangesCocoView.as_view(), name="api-changes-coco"),
    path("changes/<int:change_id>/", views.ChangeView.as_view(), name="api-change"),
    path("changes/<int:change_id>/neighbours/", views.NeighboursView.as_view(), name="api-change-neighbours"),
    path("changes/<int:change_id>/tags/", tags.TagsView.as_view(), name="api-change-tags"),
    path("building-presets/", presets.BuildingPresetsView.as_view(), name="api-building-presets"),
    path("changes/<int:change_id>/group/", groups.GroupView.as_view(), name="api-change-group"),
    path("changes/<int:change_id>/group/move/", groups.MoveView.as_view(), name="api-move-group"),
    path("group-moves/<int:group_move_id>/undo/", groups.TakeBackView.as_view(), name="api-take-back-group"),
    path("regions/<int:region_id>/changes/lots/", queue.LotsView.as_view(), name="api-change-lots"),
    path("regions/<int:region_id>/changes/map/", queue.MapView.as_view(), name="api-changes-map"),
    path("regions/<int:region_id>/changes/filters/", filters.SavedFiltersView.as_view(), name="api-saved-filters"),
    path("change-filters/<int:saved_filter_id>/", filters.SavedFilterView.as_view(), name="api-saved-filter"),
    path("change-filters/<int:saved_filter_id>/feed/", filters.FeedView.as_view(), name="api-saved-filter-feed"),
    path("regions/<int:region_id>/bulk-rejections/", bulk.BulkRejectionsView.as_view(), name="api-bulk-rejections"),
    path("bulk-rejections/<int:bulk_id>/", bulk.BulkRejectionView.as_view(), name="api-bulk-rejection"),
    path("bulk-rejections/<int:bulk_id>/next/", bulk.NextChunkView.as_view(), name="api-bulk-rejection-next"),
    path("bulk-rejections/<int:bulk_id>/undo/", bulk.UndoChunkView.as_view(), name="api-bulk-rejection-undo"),
    path("regions/<int:region_id>/second-person/", second_person.SecondPersonView.as_view(), name="api-second-person"),
    path("regions/<int:region_id>/changes/find/", views.FindView.as_view(), name="api-find-changes"),
]
