"""What people see while Redis is away (F4): a clean answer, or a page that needs none of it."""

import pytest
from django.core.cache import caches
from django.test import Client

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis_away(settings):
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/redis.sock?db=0"}}
    caches.close_all()
    yield
    caches.close_all()


def test_f4_the_token_endpoint_answers_503_with_a_remedy(redis_away):
    user = UserFactory(password="correct horse battery")
    answer = Client().post(
        "/api/auth/token/",
        {"username": user.username, "password": "correct horse battery"},
        content_type="application/json",
    )
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert "try again" in answer.json()["detail"]


def test_f4_the_list_of_regions_needs_no_redis(redis_away):
    client = Client()
    client.force_login(UserFactory())
    assert client.get("/").status_code == 200
    assert client.get("/api/regions/").status_code == 200
