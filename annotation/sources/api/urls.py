"""Addresses of regions, sources and jobs, below /api/."""

from django.urls import path

from annotation.sources.api import fit, jobs, layers, members, regions, sources

urlpatterns = [
    path("regions/<int:region_id>/members/", members.MembersView.as_view(), name="api-region-members"),
    path("regions/<int:region_id>/members/<int:member_id>/", members.MemberView.as_view(), name="api-region-member"),
    path("regions/", regions.RegionListView.as_view(), name="api-regions"),
    path("regions/<int:region_id>/", regions.RegionView.as_view(), name="api-region"),
    path("regions/<int:region_id>/fit/", fit.FitView.as_view(), name="api-fit"),
    path("regions/<int:region_id>/layers/", layers.LayersView.as_view(), name="api-layers"),
    path("regions/<int:region_id>/layers/<int:layer_id>/", layers.LayerView.as_view(), name="api-layer"),
    path("regions/<int:region_id>/layer-index/", layers.LayerIndexView.as_view(), name="api-layer-index"),
    path("regions/<int:region_id>/imagery/", sources.ImageryListView.as_view(), name="api-imagery-list"),
    path("imagery/<int:imagery_id>/", sources.ImageryView.as_view(), name="api-imagery"),
    path("regions/<int:region_id>/snapshots/", sources.SnapshotListView.as_view(), name="api-snapshots"),
    path("snapshots/<int:snapshot_id>/", sources.SnapshotView.as_view(), name="api-snapshot"),
    path("jobs/", jobs.JobListView.as_view(), name="api-jobs"),
    path("workers/", jobs.WorkersView.as_view(), name="api-workers"),
    path("jobs/<uuid:job_id>/", jobs.JobView.as_view(), name="api-job"),
    path("jobs/<uuid:job_id>/cancel/", jobs.JobCancelView.as_view(), name="api-job-cancel"),
    path("jobs/<uuid:job_id>/retry/", jobs.JobRetryView.as_view(), name="api-job-retry"),
]
