"""Data sets: what goes in, what is refused and why, and that a frozen one can't be altered unnoticed."""

import pytest

from annotation.anchors.models import Anchor, AnchorState
from annotation.correspondences.decided import thawed
from annotation.correspondences.models import Correspondences, CorrespondencesState
from annotation.learning.errors import DataSetChangedError, NoAnchorsError, NoPairsError, TooFewTilesError
from annotation.learning.models import DataSet
from annotation.learning.services.freeze import freeze, thaw
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from tests.annotation.learning.rows import anchor_for, described_region
from tests.factories_correspondences import CorrespondencesFactory

pytestmark = pytest.mark.django_db


def test_only_mapped_pairs_with_half_their_image_are_taken_in_grid_order():
    region = described_region()
    pairs = list(TilePair.objects.order_by("tile__y", "tile__x"))
    TilePair.objects.filter(pk=pairs[0].pk).update(mapped=False)
    TilePair.objects.filter(pk=pairs[1].pk).update(valid_share=0.49)
    TilePair.objects.filter(pk=pairs[2].pk).update(valid_share=0.5)
    data_set = freeze(region=region, needed=8, anchored=True)
    assert [pair_id for pair_id, _ in data_set.pairs] == [pair.pk for pair in pairs[2:]]


def test_a_verified_anchor_is_taken_before_a_generated_one_and_a_rejected_one_never():
    region = described_region()
    first, second, *_ = Anchor.objects.order_by("pk")
    verified = anchor_for(first.pair, generator="person", state=AnchorState.ACCEPTED)
    Anchor.objects.filter(pk=second.pk).update(state=AnchorState.REJECTED)
    data_set = freeze(region=region, needed=8, anchored=True)
    frozen = dict(data_set.pairs)
    assert data_set.anchor_counts == {"accepted": 1, "corrected": 0, "proposed": len(frozen) - 1, "none": 1}
    assert frozen[first.pair_id] == verified.pk
    assert second.pair_id not in frozen


def test_the_same_content_is_frozen_once_and_other_content_has_another_digest():
    region = described_region()
    one = freeze(region=region, needed=4, anchored=True)
    assert freeze(region=region, needed=4, anchored=True).pk == one.pk
    Anchor.objects.filter(pk=one.pairs[0][1]).update(summary="Another tile.")
    assert freeze(region=region, needed=4, anchored=True).digest != one.digest
    assert DataSet.objects.count() == 2


def test_a_corrected_anchor_is_learnt_as_it_was_corrected():
    region = described_region()
    before = freeze(region=region, needed=4, anchored=True)
    anchor = Anchor.objects.get(pk=before.pairs[0][1])
    said = {**anchor.attributes, "roof_hint": "flat"}
    Anchor.objects.filter(pk=anchor.pk).update(
        state=AnchorState.CORRECTED, final_attributes=said, final_summary="Flat roofs."
    )
    after = freeze(region=region, needed=4, anchored=True)
    assert after.digest != before.digest and after.anchor_counts["corrected"] == 1


def test_the_transforms_that_people_stand_by_are_frozen_and_proposals_are_not():
    region = described_region()
    pair = TilePair.objects.order_by("tile__y", "tile__x")[0]
    proposed = CorrespondencesFactory(pair=pair, region=region)
    before = freeze(region=region, needed=4, anchored=True)
    Correspondences.objects.filter(pk=proposed.pk).update(state=CorrespondencesState.VERIFIED)
    after = freeze(region=region, needed=4, anchored=True)
    assert before.payload["transforms"] == []
    assert after.digest != before.digest
    known = thawed(after.payload["transforms"])
    shift = known.verified[tile_address(pair.tile)]
    assert (shift.dx_px, shift.dy_px, shift.origin, len(known.verified)) == (2.0, -1.0, "verified", 1)
    thaw(after)


def test_thawing_gives_the_frozen_pairs_with_their_anchors():
    data_set = freeze(region=described_region(), needed=4, anchored=True)
    pairs, anchors = thaw(data_set)
    assert [[pair.pk, anchors[pair.pk].pk] for pair in pairs] == data_set.pairs


@pytest.mark.parametrize("what", ["anchor altered", "anchor deleted", "pair deleted"])
def test_a_data_set_whose_content_changed_is_refused(what):
    data_set = freeze(region=described_region(), needed=4, anchored=True)
    pair_id, anchor_id = data_set.pairs[0]
    if what == "anchor altered":
        Anchor.objects.filter(pk=anchor_id).update(summary="Another tile.")
    elif what == "anchor deleted":
        Anchor.objects.filter(pk=anchor_id).delete()
    else:
        TilePair.objects.filter(pk=pair_id).delete()
    with pytest.raises(DataSetChangedError, match="start a new training"):
        thaw(data_set)


def test_too_few_mapped_tiles_are_refused_with_the_number_needed():
    with pytest.raises(TooFewTilesError, match="at least 20 mapped tiles and the region has 12") as refused:
        freeze(region=described_region(), needed=20, anchored=True)
    assert refused.value.data == {"needed": 20, "found": 12}


def test_a_region_without_anchors_is_told_to_generate_them():
    with pytest.raises(NoAnchorsError, match="generate anchors first"):
        freeze(region=described_region(anchors=False), needed=4, anchored=True)


def test_too_few_anchors_are_told_apart_from_too_few_tiles():
    region = described_region()
    Anchor.objects.filter(pk__in=Anchor.objects.values("pk")[3:]).delete()
    with pytest.raises(NoAnchorsError, match="3 have one"):
        freeze(region=region, needed=4, anchored=True)


def test_tiles_that_are_learnt_without_anchors_need_none_and_do_not_change_with_them():
    data_set = freeze(region=described_region(anchors=False), needed=4, anchored=False)
    assert [anchor for _, anchor in data_set.pairs] == [None] * 12 and data_set.anchor_counts == {}
    anchor_for(TilePair.objects.get(pk=data_set.pairs[0][0]))
    pairs, anchors = thaw(data_set)
    assert (len(pairs), anchors) == (12, {})
    TilePair.objects.filter(pk=data_set.pairs[0][0]).delete()
    with pytest.raises(DataSetChangedError):
        thaw(data_set)


def test_a_region_without_mapped_pairs_is_refused():
    region = described_region()
    TilePair.objects.update(mapped=False)
    with pytest.raises(NoPairsError, match="widen the mapped area"):
        freeze(region=region, needed=4, anchored=True)
