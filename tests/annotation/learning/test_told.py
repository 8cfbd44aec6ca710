"""What a person hears of a model for all regions: its sources as far as they may see them, of the rest how many."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotation.learning.models import MATCHER, DataSet, ModelVersion, TrainingRun
from annotation.sources.models import Region
from tests.factories import RegionFactory, UserFactory

pytestmark = pytest.mark.django_db
FIELDS = {"kind": MATCHER, "region": None}


def matcher_of(*regions: Region) -> ModelVersion:
    """A matcher that learnt one image and map of each region, and two of the last one."""
    sources = [
        {
            "region": region.pk,
            "imagery": {"licence": f"image of {region.name}", "sha256": "a" * 64},
            "map": {"licence": "ODbL-1.0", "sha256": "b" * 64},
        }
        for region in (*regions, regions[-1])
    ]
    payload = {"sources": sources, "pairs": []}
    run = TrainingRun.objects.create(**FIELDS, data_set=DataSet.objects.create(**FIELDS, payload=payload, digest="d"))
    told = [{name: one[name] for name in ("imagery", "map")} for one in sources]
    about = {"tiles": 20, "places": len(regions), "sources": told}
    return ModelVersion.objects.create(**FIELDS, run=run, about=about, path="m.safetensors", sha256="0" * 64)


def heard(client) -> list[dict]:
    return [one["about"] for one in client.get(reverse("api-all-regions-models")).json()["results"]]


def licences(about: dict) -> list[str]:
    return [source["imagery"]["licence"] for source in about["sources"]]


def test_a_person_hears_of_the_sources_of_their_regions_and_of_how_many_regions_there_are_elsewhere(client_of):
    member = UserFactory()
    own, hidden, other = RegionFactory(name="own", members=[member]), RegionFactory(name="b"), RegionFactory(name="c")
    everyones = RegionFactory(name="everyone's", open_to_all=True)
    matcher_of(own, everyones, hidden, other)
    (about,) = heard(client_of(member))
    assert (licences(about), about["elsewhere"]) == (["image of own", "image of everyone's"], 2)
    assert (about["tiles"], about["places"]) == (20, 4)
    (about,) = heard(client_of(UserFactory(role="editor")))
    assert (licences(about), about["elsewhere"]) == (["image of everyone's"], 3)


def test_an_admin_hears_of_all_of_them_also_of_a_region_that_is_gone(client_of):
    gone, there = RegionFactory(name="gone"), RegionFactory(name="there")
    matcher_of(gone, there)
    gone.delete()
    (about,) = heard(client_of(UserFactory(role="admin")))
    assert licences(about) == ["image of gone", "image of there", "image of there"]
    (about,) = heard(client_of(UserFactory()))
    assert (licences(about), about["elsewhere"]) == ([], 2)


def test_many_models_are_told_with_as_many_questions_as_one(client_of, django_assert_num_queries):
    client = client_of(UserFactory())
    for number in (1, 5):
        for _ in range(number):
            matcher_of(RegionFactory())
        with django_assert_num_queries(5):
            assert len(heard(client)) in (1, 6)


def test_a_model_from_a_file_says_what_it_says(client_of):
    data_set = DataSet.objects.create(**FIELDS, payload={"file": {"sha256": "f" * 64}}, digest="d")
    run = TrainingRun.objects.create(**FIELDS, data_set=data_set)
    ModelVersion.objects.create(
        **FIELDS, run=run, about={"file": {"name": "m"}, "sources": []}, path="m", sha256="0" * 64
    )
    assert heard(client_of(UserFactory())) == [{"file": {"name": "m"}, "sources": [], "elsewhere": 0}]
