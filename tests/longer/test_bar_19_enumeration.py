"""Bar 19: nobody learns from an answer, nor from its time, who has an account."""

import statistics
import time

import pytest
from django.contrib.auth import hashers
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client

from tests import world as worlds
from tests.longer.report import measured, tries

pytestmark = [pytest.mark.undisturbed, pytest.mark.bar(19)]
LIMIT = 0.005  # seconds between the medians
DOORS = {
    "login": ("/account/login/", "login", {"password": "wrong as can be here"}),
    "reset": ("/account/password/reset/", "email", {}),
}


@pytest.fixture
def world(authority, monkeypatch):
    # The tests' hashes cost nothing; what is measured here is what they cost.
    for name, value in (
        ("time_cost", 2), ("memory_cost", 102_400), ("parallelism", 8),
    ):  # fmt: skip
        monkeypatch.setattr(hashers.Argon2PasswordHasher, name, value)
    return worlds.build()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["staff", "citizen"])
def test_bar_19_a_door_answers_alike_and_as_fast(world, door, kind):
    path, field, more = DOORS[door]
    user = world.staff["case_worker"] if kind == "staff" else world.ida.user
    user.set_password(worlds.PASSWORD)
    user.save()
    times: dict[bool, list[float]] = {True: [], False: []}
    answers: dict[bool, set[tuple[int, str, int]]] = {True: set(), False: set()}
    for number in range(tries(200)):
        # Alternating, so that a busy machine slows both alike.
        for known in (True, False) if number % 2 else (False, True):
            for one in ("default", "shared"):
                caches[one].clear()
            cache.clear()
            connection.set_schema_to_public()
            client = Client(headers={"host": world.host, "accept-language": "en"})
            client.get(path)
            connection.set_schema_to_public()
            stranger = f"x{number:03}@{user.email.partition('@')[2]}"
            address = user.email if known else stranger
            began = time.perf_counter()
            response = client.post(path, {field: address, **more})
            times[known].append(time.perf_counter() - began)
            answers[known].add(
                (
                    response.status_code,
                    response.headers.get("Location", ""),
                    "error" in response.content.decode(),
                )
            )
    medians = {known: statistics.median(found) for known, found in times.items()}
    apart = abs(medians[True] - medians[False])
    measured(19, f"{door} of {kind}: medians {apart * 1000:.2f} ms apart")
    assert answers[True] == answers[False]
    assert apart < LIMIT
