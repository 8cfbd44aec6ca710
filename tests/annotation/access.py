"""Who may do what: one row per route and method. A new route needs a row here, or test_access.py fails.

`"METHOD route": Row(role, scoped)`: `role` is the least role that may ("anonymous" for everyone); `scoped` routes hide
what belongs to another region: they answer a person from outside as if the thing were missing;
`body` is JSON that gets past validation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REGION = "api/regions/<int:region_id>/"
PAGE = "regions/<int:region_id>/"
TILE = "<int:z>/<int:x>/<int:y>"
BATCH = "api/anchor-batches/<int:batch_id>/"
MATCHING_BATCH = "api/correspondence-batches/<int:matching_batch_id>/"
MATCHED = "api/correspondences/<int:correspondences_id>/"
SET = "api/reference-sets/<int:set_id>/"
POINTS = {
    "transform": "shift",
    "points": [{"number": n, "map_xy": [n, n], "image_xy": [n + 1, n], "role": "fit", "enabled": True} for n in (1, 9)],
}
FILTER = "api/change-filters/<int:saved_filter_id>/"
BULK = {"expected": 1, "reason": "other", "idempotency_key": "6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a12"}
IMAGE = "api/images/<int:image_id>/"
LANDMARK = "api/landmarks/<int:landmark_id>/"
PHOTO = "api/landmark-photos/<int:photo_id>/"
CONFIRM = {"licence": "CC0", "attribution": "A", "corners": [[0, 1], [1, 1], [1, 0], [0, 0]]}
LEASE = {"lease_token": 1}
KEY = {"version": 0, "idempotency_key": "6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a11"}
MOVE = {
    "east_m": 1.0, "north_m": 0.0, "items": [{"item": 1, "version": 0}], "idempotency_key": KEY["idempotency_key"],
}  # fmt: skip
DECISION = {**LEASE, **KEY, "decision": "accept", "seconds": 1}


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    role: str
    scoped: bool = False
    page: bool = False
    body: dict[str, Any] | None = None


ROUTES: dict[str, Row] = {
    # project
    "GET health/": Row("anonymous"),
    "GET health/live/": Row("anonymous"),
    "GET health/ready/": Row("anonymous"),
    # its own rule, held by tests/annotation/operation/test_metrics.py: a token, or a request of this very machine
    "GET metrics/": Row("anonymous"),
    "GET api/schema/": Row("reviewer"),
    "GET api/docs/": Row("reviewer"),
    # accounts
    "POST api/auth/token/": Row("anonymous"),
    "GET api/me/": Row("reviewer"),
    "GET api/me/token/": Row("reviewer"),
    "POST api/me/token/": Row("reviewer"),
    "DELETE api/me/token/": Row("reviewer"),
    "GET account/": Row("reviewer", page=True),
    "GET account/changed/": Row("reviewer", page=True),
    "GET login/": Row("anonymous"),
    "POST login/": Row("anonymous"),
    "POST logout/": Row("anonymous"),
    # sources
    "GET api/regions/": Row("reviewer"),
    "POST api/regions/": Row("admin"),
    f"GET {REGION}": Row("reviewer", scoped=True),
    f"PATCH {REGION}": Row("admin", scoped=True),
    f"DELETE {REGION}": Row("admin", scoped=True),
    f"GET {REGION}members/": Row("reviewer", scoped=True),
    f"POST {REGION}members/": Row("admin", scoped=True),
    f"DELETE {REGION}members/<int:member_id>/": Row("admin", scoped=True),
    f"GET {REGION}imagery/": Row("reviewer", scoped=True),
    f"POST {REGION}imagery/": Row("editor", scoped=True),
    "GET api/imagery/<int:imagery_id>/": Row("reviewer", scoped=True),
    "DELETE api/imagery/<int:imagery_id>/": Row("editor", scoped=True),
    f"GET {REGION}snapshots/": Row("reviewer", scoped=True),
    f"POST {REGION}snapshots/": Row("editor", scoped=True),
    "GET api/snapshots/<int:snapshot_id>/": Row("reviewer", scoped=True),
    "DELETE api/snapshots/<int:snapshot_id>/": Row("editor", scoped=True),
    "GET api/jobs/": Row("reviewer"),
    "GET api/workers/": Row("reviewer"),
    "GET api/jobs/<uuid:job_id>/": Row("reviewer", scoped=True),
    "POST api/jobs/<uuid:job_id>/cancel/": Row("admin", scoped=True),
    "POST api/jobs/<uuid:job_id>/retry/": Row("admin", scoped=True),
    # tiles
    f"GET {REGION}pairs/": Row("reviewer", scoped=True),
    f"POST {REGION}pairs/": Row("editor", scoped=True),
    f"GET {REGION}pairs/{TILE}/": Row("reviewer", scoped=True),
    f"GET tiles/image/<int:imagery_id>/{TILE}.webp": Row("reviewer", scoped=True),
    f"GET tiles/map/<int:snapshot_id>/{TILE}.png": Row("reviewer", scoped=True),
    f"GET tiles/footprints/<int:snapshot_id>/{TILE}.mvt": Row("reviewer", scoped=True),
    # review
    "POST api/review/<slug:stage>/claim/": Row("reviewer"),
    "POST api/review/<slug:stage>/assign/": Row("editor"),
    "GET api/review/<slug:stage>/waiting/": Row("reviewer"),
    "GET api/review/<slug:stage>/statistics/": Row("reviewer"),
    "POST api/review/items/<int:item_id>/claim/": Row("reviewer", scoped=True),
    "POST api/review/items/<int:item_id>/heartbeat/": Row("reviewer", scoped=True, body=LEASE),
    "POST api/review/items/<int:item_id>/release/": Row("reviewer", scoped=True, body=LEASE),
    "POST api/review/items/<int:item_id>/decide/": Row("reviewer", scoped=True, body=DECISION),
    "POST api/review/items/<int:item_id>/undo/": Row("reviewer", scoped=True, body=KEY),
    "GET api/review/items/<int:item_id>/history/": Row("reviewer", scoped=True),
    "POST api/review/items/<int:item_id>/reassign/": Row("reviewer", scoped=True, body={**LEASE, **KEY, "to": 1}),
    "GET api/review/<slug:stage>/people/": Row("reviewer"),
    "GET api/review/<slug:stage>/audit/": Row("admin"),
    # review of anchors
    f"GET {REGION}anchor-batches/": Row("reviewer", scoped=True),
    f"POST {REGION}anchor-batches/": Row("editor", scoped=True, body={"name": "Trial"}),
    f"GET {BATCH}": Row("reviewer", scoped=True),
    f"PATCH {BATCH}": Row("editor", scoped=True),
    f"POST {BATCH}close/": Row("editor", scoped=True),
    f"GET {BATCH}report/": Row("editor", scoped=True),
    f"GET {BATCH}answers.csv": Row("editor", scoped=True),
    f"GET {BATCH}answers.json": Row("editor", scoped=True),
    f"GET {REGION}anchor-report/": Row("editor", scoped=True),
    f"GET {REGION}anchors.csv": Row("reviewer", scoped=True),
    f"GET {REGION}anchors.mstcons.json": Row("reviewer", scoped=True),
    f"GET {REGION}label-studio.json": Row("reviewer", scoped=True),
    f"GET {REGION}label-studio.xml": Row("reviewer", scoped=True),
    f"POST {REGION}label-studio/": Row("editor", scoped=True),
    # correspondences
    f"GET {REGION}correspondences/": Row("reviewer", scoped=True),
    f"POST {REGION}correspondences/": Row("admin", scoped=True),
    f"GET {REGION}matchers/": Row("reviewer", scoped=True),
    f"GET {MATCHED}": Row("reviewer", scoped=True),
    f"POST {MATCHED}refit/": Row("reviewer", scoped=True, body=POINTS),
    f"GET {MATCHED}files/<slug:form>/": Row("reviewer", scoped=True),
    f"POST {MATCHED}points/": Row("reviewer", scoped=True),
    f"GET {REGION}correspondences.zip": Row("editor", scoped=True),
    f"GET {REGION}map-scans/": Row("reviewer", scoped=True),
    f"POST {REGION}map-scans/": Row("editor", scoped=True),
    "GET api/map-scans/<int:map_scan_id>/": Row("reviewer", scoped=True),
    "DELETE api/map-scans/<int:map_scan_id>/": Row("editor", scoped=True),
    "POST api/map-scans/<int:map_scan_id>/resume/": Row("editor", scoped=True),
    f"GET api/map-scans/<int:map_scan_id>/tiles/{TILE}.png": Row("reviewer", scoped=True),
    "GET api/map-scans/<int:map_scan_id>/pairs.zip": Row("editor", scoped=True),
    f"GET {REGION}correspondence-batches/": Row("reviewer", scoped=True),
    f"POST {REGION}correspondence-batches/": Row("editor", scoped=True, body={"name": "Trial"}),
    f"GET {MATCHED}footprints/": Row("reviewer", scoped=True),
    f"GET {MATCHING_BATCH}": Row("reviewer", scoped=True),
    f"PATCH {MATCHING_BATCH}": Row("editor", scoped=True),
    f"GET {MATCHING_BATCH}report/": Row("editor", scoped=True),
    f"POST {MATCHING_BATCH}close/": Row("editor", scoped=True),
    # anchors, training, consistency
    f"GET {REGION}anchors/": Row("reviewer", scoped=True),
    f"POST {REGION}anchors/": Row("admin", scoped=True),
    f"GET {REGION}anchor-generators/": Row("reviewer", scoped=True),
    "GET api/anchor-prompt/": Row("reviewer"),
    f"GET {REGION}training-runs/": Row("reviewer", scoped=True),
    f"POST {REGION}training-runs/": Row("admin", scoped=True),
    "GET api/training-runs/<int:run_id>/": Row("reviewer", scoped=True),
    f"GET {REGION}training-data/": Row("reviewer", scoped=True),
    "GET api/training-data/": Row("reviewer"),
    "GET api/training-data/locators/": Row("reviewer"),
    "GET api/training-runs/": Row("reviewer"),
    "POST api/training-runs/": Row("admin"),
    "GET api/models/": Row("reviewer"),
    "POST api/models/roll-back/": Row("admin"),
    "POST api/models/import/": Row("admin"),
    f"GET {REGION}models/": Row("reviewer", scoped=True),
    "GET api/models/<int:model_id>/evaluations/": Row("reviewer", scoped=True),
    "POST api/models/<int:model_id>/evaluations/": Row("admin", scoped=True),
    "GET api/models/<int:model_id>/card.md": Row("admin", scoped=True),
    "GET api/models/<int:model_id>/weights.safetensors": Row("admin", scoped=True),
    f"POST {REGION}models/roll-back/": Row("admin", scoped=True),
    "POST api/models/<int:model_id>/promote/": Row("admin", scoped=True),
    f"GET {REGION}scans/": Row("reviewer", scoped=True),
    f"POST {REGION}scans/": Row("admin", scoped=True),
    "GET api/scans/<int:scan_id>/": Row("reviewer", scoped=True),
    "GET api/scans/<int:scan_id>/scores/": Row("reviewer", scoped=True),
    "GET api/scans/<int:scan_id>/offsets/": Row("reviewer", scoped=True),
    # geolocation
    "GET api/reference-sets/": Row("reviewer"),
    "POST api/reference-sets/": Row("admin"),
    f"GET {SET}": Row("reviewer", scoped=True),
    f"PATCH {SET}": Row("admin", scoped=True),
    f"DELETE {SET}": Row("admin", scoped=True),
    f"POST {SET}files/": Row("admin", scoped=True),
    f"POST {SET}prepare/": Row("admin", scoped=True),
    f"GET {SET}bases/": Row("reviewer", scoped=True),
    "GET api/feature-database/": Row("reviewer"),
    "POST api/feature-database/build/": Row("admin"),
    "GET reference-imagery/": Row("admin", page=True),
    # landmarks
    "GET api/search/": Row("reviewer"),
    "POST api/search/photo/": Row("reviewer"),
    "GET api/tiles/<int:tile_id>/similar/": Row("reviewer", scoped=True),
    f"GET {REGION}tiles/{TILE}/similar/": Row("reviewer", scoped=True),
    "GET api/changes/<int:change_id>/similar/": Row("reviewer", scoped=True),
    "GET api/changes/<int:change_id>/similar/waiting/": Row("reviewer", scoped=True),
    "GET api/landmarks/": Row("reviewer"),
    "POST api/landmarks/": Row("editor"),
    "POST api/landmarks/import-csv/": Row("editor"),
    "POST api/landmarks/from-map/": Row("editor"),
    "GET api/training-data/landmarks/": Row("reviewer"),
    f"GET {LANDMARK}": Row("reviewer", scoped=True),
    f"PATCH {LANDMARK}": Row("editor", scoped=True),
    f"DELETE {LANDMARK}": Row("editor", scoped=True),
    "GET api/landmark-photos/": Row("reviewer"),
    "POST api/landmark-photos/": Row("reviewer"),
    f"GET {PHOTO}": Row("reviewer", scoped=True),
    f"PATCH {PHOTO}": Row("reviewer", scoped=True),
    f"DELETE {PHOTO}": Row("reviewer", scoped=True),
    f"GET {PHOTO}photo.webp": Row("reviewer", scoped=True),
    f"GET {REGION}embeddings/": Row("editor", scoped=True),
    f"GET {REGION}embeddings/state/": Row("reviewer", scoped=True),
    f"POST {REGION}embeddings/update/": Row("editor", scoped=True),
    # edits
    "GET api/changesets/<int:changeset_id>/edits.osm": Row("editor", scoped=True),
    "GET api/changesets/<int:changeset_id>/maproulette.geojson": Row("editor", scoped=True),
    "POST api/changesets/<int:changeset_id>/links/": Row("editor", scoped=True),
    "GET api/links/<str:token>/changeset.osm": Row("anonymous"),
    "GET api/links/<str:tiles_token>/tiles/<int:z>/<int:x>/<int:y>.png": Row("anonymous"),
    f"GET {REGION}changesets/": Row("reviewer", scoped=True),
    f"POST {REGION}changesets/": Row("editor", scoped=True),
    "GET api/changesets/<int:changeset_id>/": Row("reviewer", scoped=True),
    "DELETE api/changesets/<int:changeset_id>/": Row("editor", scoped=True),
    "PATCH api/changesets/<int:changeset_id>/edits/<int:change_id>/": Row(
        "editor", scoped=True, body={"demolish": True}
    ),
    "DELETE api/changesets/<int:changeset_id>/edits/<int:change_id>/": Row("editor", scoped=True),
    "POST api/changesets/<int:changeset_id>/versions/": Row("editor", scoped=True),
    "GET api/changesets/<int:changeset_id>/edits.osc": Row("editor", scoped=True),
    "GET api/changesets/<int:changeset_id>/edits.geojson": Row("editor", scoped=True),
    "GET api/changesets/<int:changeset_id>/upload/": Row("reviewer", scoped=True),
    "POST api/changesets/<int:changeset_id>/upload/": Row("editor", scoped=True),
    "GET api/uploads/<int:upload_id>/": Row("reviewer", scoped=True),
    "GET api/uploads/<int:upload_id>/receipts/": Row("reviewer", scoped=True),
    "POST api/uploads/<int:upload_id>/resume/": Row("editor", scoped=True),
    "POST api/uploads/<int:upload_id>/give-up/": Row("editor", scoped=True),
    "GET api/osm-account/": Row("editor"),
    "DELETE api/osm-account/": Row("editor"),
    "GET osm/sign-in/": Row("editor", page=True),
    "GET osm/signed-in/": Row("editor", page=True),
    # changes
    f"GET {REGION}summary/": Row("reviewer", scoped=True),
    f"POST {REGION}first-look/": Row("admin", scoped=True),
    f"POST {REGION}main-job/": Row("admin", scoped=True),
    f"POST {REGION}changes/find/": Row("admin", scoped=True),
    f"GET {REGION}changes/": Row("reviewer", scoped=True),
    f"GET {REGION}changes.geojson": Row("reviewer", scoped=True),
    "GET api/changes/<int:change_id>/": Row("reviewer", scoped=True),
    f"GET {REGION}changes.csv": Row("reviewer", scoped=True),
    f"GET {REGION}changes.gpkg": Row("reviewer", scoped=True),
    f"GET {REGION}changes.coco.json": Row("reviewer", scoped=True),
    "GET api/changes/<int:change_id>/neighbours/": Row("reviewer", scoped=True),
    "GET api/changes/<int:change_id>/group/": Row("reviewer", scoped=True),
    "POST api/changes/<int:change_id>/group/move/": Row("reviewer", scoped=True, body=MOVE),
    "POST api/group-moves/<int:group_move_id>/undo/": Row("reviewer", scoped=True),
    f"GET {REGION}changes/lots/": Row("reviewer", scoped=True),
    f"GET {REGION}changes/map/": Row("reviewer", scoped=True),
    f"GET {REGION}changes/filters/": Row("reviewer", scoped=True),
    f"POST {REGION}changes/filters/": Row("reviewer", scoped=True, body={"name": "Schools", "query": "tag=building"}),
    f"PUT {FILTER}": Row("reviewer", scoped=True, body={"name": "Large", "query": "min_square_m=80"}),
    f"DELETE {FILTER}": Row("reviewer", scoped=True),
    f"POST {FILTER}feed/": Row("reviewer", scoped=True),
    f"DELETE {FILTER}feed/": Row("reviewer", scoped=True),
    f"POST {REGION}bulk-rejections/": Row("editor", scoped=True, body=BULK),
    "GET api/bulk-rejections/<int:bulk_id>/": Row("editor", scoped=True),
    "POST api/bulk-rejections/<int:bulk_id>/next/": Row("editor", scoped=True),
    "POST api/bulk-rejections/<int:bulk_id>/undo/": Row("editor", scoped=True),
    "GET feeds/<str:feed_token>/<slug:feed_form>/": Row("anonymous"),  # by its signed address alone
    # pages
    "GET ": Row("reviewer", page=True),
    "GET jobs/": Row("reviewer", page=True),
    # images without a place
    "GET api/images/": Row("editor"),
    "POST api/images/": Row("editor"),
    f"GET {IMAGE}": Row("editor", scoped=True),
    f"DELETE {IMAGE}": Row("editor", scoped=True),
    f"GET {IMAGE}preview.webp": Row("reviewer", scoped=True),
    f"GET {IMAGE}picture.jpg": Row("editor", scoped=True),
    f"POST {IMAGE}fit/": Row("editor", scoped=True),
    f"POST {IMAGE}points/": Row("editor", scoped=True),
    f"GET {IMAGE}places/<int:candidate_id>/points/": Row("editor", scoped=True),
    f"POST {IMAGE}locate/": Row("editor", scoped=True),
    f"POST {IMAGE}confirm/": Row("editor", scoped=True, body=CONFIRM),
    f"POST {IMAGE}reject/": Row("editor", scoped=True),
    f"GET {IMAGE}places/<int:candidate_id>/ground.webp": Row("editor", scoped=True),
    f"GET {IMAGE}places/<int:candidate_id>/files/<slug:form>/": Row("editor", scoped=True),
    "GET images/": Row("editor", page=True),
    "GET images/<int:image_id>/": Row("editor", scoped=True, page=True),
    "GET regions/new/": Row("admin", page=True),
    f"GET {PAGE}": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}sources/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}tiles/{TILE}/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}activity/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}anchors/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}anchors/review/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}anchors/disagreements/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}anchors/batches/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}anchors/batches/<int:batch_id>/": Row("editor", scoped=True, page=True),
    f"GET {PAGE}correspondences/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}correspondences/review/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}correspondences/disagreements/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}correspondences/batches/<int:matching_batch_id>/": Row("editor", scoped=True, page=True),
    f"GET {PAGE}training/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}correspondences/scans/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}changes/review/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}changes/<int:change_id>/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}changes/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}edits/": Row("reviewer", scoped=True, page=True),
    "GET search/": Row("reviewer", page=True),
    f"GET {PAGE}landmarks/": Row("reviewer", scoped=True, page=True),
}
