"""Who may open which page; `access.py` has the table of everything else and says what a row means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PAGE = "regions/<int:region_id>/"
TILE = "<int:z>/<int:x>/<int:y>"


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    role: str
    scoped: bool = False
    page: bool = False
    body: dict[str, Any] | None = None


PAGES: dict[str, Row] = {
    "GET login/": Row("anonymous"),
    "POST login/": Row("anonymous"),
    "POST logout/": Row("anonymous"),
    "GET digest/<str:digest_token>/": Row("anonymous"),  # by its signed address alone; POST: tests/annotation/digest
    "GET account/": Row("reviewer", page=True),
    "GET account/changed/": Row("reviewer", page=True),
    "GET reference-imagery/": Row("admin", page=True),
    "GET webhooks/": Row("admin", page=True),
    "GET osm/sign-in/": Row("editor", page=True),
    "GET osm/signed-in/": Row("editor", page=True),
    "GET ": Row("reviewer", page=True),
    "GET jobs/": Row("reviewer", page=True),
    "GET images/": Row("editor", page=True),
    "GET images/<int:image_id>/": Row("editor", scoped=True, page=True),
    "GET regions/new/": Row("admin", page=True),
    f"GET {PAGE}": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}sources/": Row("reviewer", scoped=True, page=True),
    f"GET {PAGE}layers/": Row("reviewer", scoped=True, page=True),
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
    f"GET {PAGE}edits/uploads/": Row("reviewer", scoped=True, page=True),
    "GET search/": Row("reviewer", page=True),
    f"GET {PAGE}landmarks/": Row("reviewer", scoped=True, page=True),
}
