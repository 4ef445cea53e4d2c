"""Redis away: what is only cached is asked anew, what is limited waits with a 503."""

import copy

import pytest
import time_machine
from allauth.core.internal import ratelimit
from django.core.cache import cache, caches

from tests import world as worlds


@pytest.fixture
def away(settings, tmp_path, monkeypatch):
    """Nobody listens where Redis should."""
    changed = copy.deepcopy(settings.CACHES)
    for one in changed.values():
        one["LOCATION"] = f"unix://{tmp_path}/nobody.sock"
    settings.CACHES = changed
    monkeypatch.setattr(ratelimit, "cache", caches["shared"])


def test_a_cache_that_is_away_forgets(away):
    cache.set("a", 1, 60)
    assert cache.get("a") is None
    assert cache.get("a", 7) == 7
    assert cache.add("a", 1) is False
    assert cache.delete("a") is False
    assert cache.get_many(["a"]) == {}


@pytest.mark.bar(54)
def test_work_goes_on_and_signing_in_waits(authority, away):
    with time_machine.travel(worlds.NOW, tick=False):
        world = worlds.build()
        anna = world.client(world.staff["case_worker"])
        anna.raise_request_exception = False
        for path in ("/worklist/", f"/people/{world.ida.pk}/"):
            assert anna.get(path).status_code == 200, path
        stranger = world.client(None)
        stranger.raise_request_exception = False
        login = {"login": "anna@neckartal.example", "password": "wrong"}
        answer = stranger.post("/account/login/", login)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
