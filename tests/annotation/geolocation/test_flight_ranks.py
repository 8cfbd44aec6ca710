"""Frames of one flight: the place that the neighbours speak for leads, and what a person said stays."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from annotation.geolocation.services.flights import rank_by_neighbours
from tests.factories_geolocation import FlightFactory, PlacementCandidateFactory, UnplacedImageFactory

pytestmark = pytest.mark.django_db
STEP_PX = 300
FAR_PX = 40_000


def place(image, rank, x, probability, **fields):
    homography = [[1.0, 0.0, float(x)], [0.0, 1.0, 20.0], [0.0, 0.0, 1.0]]
    return PlacementCandidateFactory(image=image, rank=rank, homography=homography, probability=probability, **fields)


@pytest.fixture
def flight():
    """Five frames, one after the other; the third is found elsewhere first."""
    row = FlightFactory()
    start = timezone.now()
    frames = []
    for number in range(5):
        image = UnplacedImageFactory(
            owner=row.owner, flight=row, state="candidates", captured_at=start + dt.timedelta(seconds=number)
        )
        wrong = number == 2
        place(image, 1, FAR_PX if wrong else number * STEP_PX, 0.9)
        place(image, 2, number * STEP_PX if wrong else -FAR_PX * (number + 1), 0.7)
        frames.append(image)
    return row, frames


def test_a_frame_that_disagrees_with_its_neighbours_leads_with_the_place_that_agrees(flight):
    row, frames = flight
    agreeing = frames[2].candidates.get(rank=2)
    assert rank_by_neighbours(row, {one.pk for one in frames}) == 1
    first, second = frames[2].candidates.order_by("rank")
    assert first.pk == agreeing.pk and first.probability > 0.95 >= second.probability
    for image in (frames[0], frames[4]):
        assert image.candidates.get(rank=1).homography[0][2] < FAR_PX
    assert [one.rank for one in frames[0].candidates.order_by("rank")] == [1, 2]


def test_frames_of_an_earlier_job_speak_and_stay_as_they_are(flight):
    row, frames = flight
    before = [one.candidates.get(rank=1).probability for one in frames]
    assert rank_by_neighbours(row, {frames[2].pk}) == 1
    after = [one.candidates.get(rank=1).probability for one in frames]
    assert after[:2] + after[3:] == before[:2] + before[3:] and after[2] > before[2]


def test_what_a_person_chose_is_not_moved(flight):
    row, frames = flight
    frames[2].candidates.filter(rank=1).update(state="chosen", decided_at=timezone.now())
    assert rank_by_neighbours(row, {one.pk for one in frames}) == 0
    assert frames[2].candidates.get(rank=1).state == "chosen"


def test_a_frame_without_neighbours_stays_as_it_was_found():
    image = UnplacedImageFactory(state="candidates", flight=FlightFactory())
    place(image, 1, 0, 0.6)
    place(image, 2, FAR_PX, 0.5)
    assert rank_by_neighbours(image.flight, {image.pk}) == 0
    assert image.candidates.get(rank=1).probability == 0.6
