"""S5: places that were found before they kept who may see them are seen by the same people or fewer."""

from __future__ import annotations

from annotation.geolocation.models import PlacementCandidate
from tests.annotation.test_migrations import migrate, newest
from tests.factories import ImageryFactory, RegionFactory, UserFactory
from tests.factories_geolocation import PIECE, ReferenceBaseFactory, ReferenceSetFactory, UnplacedImageFactory

PLACE = {"transform": [1, 0, 0, 0, 1, 0], "homography": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "footprint": PIECE,
         "score": 1.0, "probability": 0.9}  # fmt: skip


def test_s5_old_places_are_seen_by_whom_their_ground_says_and_else_by_admins(transactional_db):
    member, stranger = UserFactory(), UserFactory()
    region, given = RegionFactory(members=[member]), ReferenceSetFactory()
    given.viewers.add(member)
    image = UnplacedImageFactory(owner=member, region=RegionFactory(members=[member, stranger]))
    imagery = ImageryFactory(region=region)
    of_region = ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=region))
    rows = {
        "on imagery": {"imagery_id": imagery.pk},
        "on a base": {"base_id": of_region.pk},
        "on a set": {"base_id": ReferenceBaseFactory(set=given).pk},
        "on a map": {"against": "map", "region_id": region.pk},
        "gone": {"agreeing": 20},
        "map gone": {"against": "map"},
        "placed by hand": {},
    }
    try:
        apps = migrate([("geolocation", "0002_matched_with")])
        places = apps.get_model("geolocation", "PlacementCandidate").objects
        for rank, (title, fields) in enumerate(rows.items(), start=1):
            places.create(image_id=image.pk, rank=rank, title=title, **PLACE, **fields)
    finally:
        migrate(newest())
    seen = {
        user: set(PlacementCandidate.objects.visible_to(user).values_list("title", flat=True))
        for user in (member, stranger, UserFactory(role="admin"))
    }
    assert list(seen.values()) == [
        {"on imagery", "on a base", "on a set", "on a map", "placed by hand"}, {"placed by hand"}, set(rows),
    ]  # fmt: skip


def test_s5_back_and_forth_keeps_every_place(transactional_db):
    imagery = ImageryFactory()
    image = UnplacedImageFactory()
    PlacementCandidate.objects.create(
        image=image, rank=1, title="on imagery", imagery=imagery, region=imagery.region, **PLACE
    )
    PlacementCandidate.objects.create(image=image, rank=2, title="placed by hand", by_hand=True, **PLACE)
    try:
        migrate([("geolocation", "0002_matched_with")])
    finally:
        migrate(newest())
    kept = PlacementCandidate.objects.order_by("rank").values_list("region", "by_hand")
    assert list(kept) == [(imagery.region_id, False), (None, True)]
