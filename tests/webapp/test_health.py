"""The page that says whether this server can do its work."""

import pytest


@pytest.mark.django_db
def test_a_working_server_says_so(client):
    answer = client.get("/health/")
    assert answer.status_code == 200
    assert answer.json() == {
        "database": True, "redis": True, "queues_without_a_worker": ["cpu", "gpu", "mapwright"],
    }  # fmt: skip


@pytest.mark.django_db
def test_without_redis_pages_go_on(client, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere.sock"}
    }
    told = client.get("/health/").json()
    assert (told["database"], told["redis"]) == (True, False)
    assert client.get("/login/").status_code == 200
