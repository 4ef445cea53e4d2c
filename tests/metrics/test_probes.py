import time

import pytest
from django.conf import settings as configured

from health_authorities import schemas
from quarano.metrics import tallies
from quarano.tasks import tick


@pytest.fixture
def in_order(db, monkeypatch):
    monkeypatch.setattr(schemas, "lagging", list)
    tick()


def ready(client, host="localhost"):
    return client.get("/readyz/", headers={"host": host})


@pytest.mark.parametrize(
    "host", ["localhost", "neckartal.localhost", "10.0.0.7", "nobody.example", "a b"]
)
def test_probes_answer_on_any_host_over_http(in_order, client, settings, host):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz/", headers={"host": host}).json() == {"alive": True}
    answer = ready(client, host)
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "wrong": []}


def test_alive_asks_no_database(client):
    # Without the mark of the database any statement would fail this test.
    assert client.get("/healthz/").status_code == 200


@pytest.mark.parametrize("ago", [None, configured.BEAT_SECONDS + 5])
def test_a_beat_that_stopped_is_named(in_order, client, ago):
    if ago is None:
        tallies.store().delete(tallies.TICK)
    else:
        tallies.tick(now=time.time() - ago)
    answer = ready(client)
    assert (answer.status_code, answer.json()["wrong"]) == (503, ["beat"])


def test_an_authority_that_lags_behind_is_named(in_order, client, monkeypatch):
    monkeypatch.setattr(schemas, "lagging", lambda: ["neckartal"])
    answer = ready(client)
    assert (answer.status_code, answer.json()["wrong"]) == (503, ["migrations"])
    assert "neckartal" not in answer.content.decode()


def test_a_redis_that_is_away_is_named(in_order, client, settings):
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"
    tallies.store.cache_clear()
    try:
        answer = ready(client)
    finally:
        tallies.store.cache_clear()
    assert (answer.status_code, answer.json()["wrong"]) == (503, ["redis"])


def test_other_methods_find_nothing(db, client):
    assert client.post("/readyz/").status_code in {403, 404}
