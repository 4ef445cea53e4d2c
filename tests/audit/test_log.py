import datetime as dt
import itertools
import uuid

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from django.http import HttpResponse
from django.test import override_settings

from quarano.accounts.models import User
from quarano.audit import log
from quarano.audit.middleware import NOWHERE, origin, request_id, started_by
from quarano.audit.models import Event

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)


def login(*roles: str) -> User:
    return User(name="Anna", email="anna@neckartal.example", roles=list(roles))


def test_recording_names_who_what_and_on_whom(authority):
    anna, ida = login("case_worker"), uuid.uuid4()

    with started_by("request-1", "192.0.2.7"):
        log.record("user.changed", anna, by=anna, now=NOW, person=ida, fields=["name"])

    event = Event.objects.get()
    assert (event.at, event.actor, event.actor_kind) == (NOW, anna.pk, "staff")
    assert (event.subject_kind, event.subject) == ("accounts.user", anna.pk)
    assert event.person == ida
    assert event.fields == ["name"]
    assert (event.request_id, event.address) == ("request-1", "192.0.2.7")


@pytest.mark.parametrize(
    ("by", "kind"),
    [
        (login("case_worker"), "staff"),
        (login("operator"), "operator"),
        (login(), "citizen"),
        (None, "rule"),
    ],
)
def test_an_event_tells_what_kind_of_actor_it_was(authority, by, kind):
    log.record("order.issued", login(), by=by, now=NOW)

    assert Event.objects.get().actor_kind == kind


def test_a_failed_login_was_by_nobody(authority):
    with started_by("request-1", "192.0.2.7"):
        log.record("login.failed", None, by=None, now=NOW)

    assert Event.objects.get().actor_kind == "nobody"


def test_the_person_is_found_at_the_subject(authority):
    from cases.models import Monitoring, Person

    ida = Person(given_name="Ida", family_name="Index")
    monitoring = Monitoring(person=ida)

    log.record("person.changed", ida, by=None, now=NOW)
    log.record("monitoring.opened", monitoring, by=None, now=NOW)

    assert set(Event.objects.values_list("person", flat=True)) == {ida.pk}


def test_events_can_only_be_added_to(authority):
    event = log.record("order.issued", None, by=None, now=NOW)

    with pytest.raises(ProgrammingError), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(verb="order.lifted")
    with pytest.raises(ProgrammingError), transaction.atomic():
        Event.objects.all().delete()
    assert Event.objects.get().verb == "order.issued"


SECONDS = itertools.count()


def viewed(rf, *, shown, poll, by=None):
    request = rf.get("/worklist/", headers={"X-Poll": "1"} if poll else {})
    request.user = by
    # Each a second later: of two at one instant neither is the last.
    now = NOW + dt.timedelta(seconds=next(SECONDS))
    return log.viewed(request, "worklist.viewed", now=now, shown=shown)


def test_a_poll_is_an_event_only_when_it_shows_others(authority, rf):
    anna, omer = login("case_worker"), login("supervisor")
    ida, kolja = uuid.uuid4(), uuid.uuid4()

    assert viewed(rf, shown=[ida], poll=False, by=anna)
    assert viewed(rf, shown=[ida], poll=True, by=anna) is None
    assert viewed(rf, shown=[ida], poll=True, by=omer)
    assert viewed(rf, shown=[ida, kolja], poll=True, by=anna)
    assert viewed(rf, shown=[kolja, ida], poll=True, by=anna) is None
    assert viewed(rf, shown=[kolja, ida], poll=False, by=anna)
    assert Event.objects.count() == 4


def seen_by(rf, **headers: str):
    """The origin that a view finds."""
    found = []

    def view(request):
        found.append(origin())
        return HttpResponse()

    response = request_id(view)(rf.get("/", REMOTE_ADDR="203.0.113.9", headers=headers))
    assert response["X-Request-ID"] == found[0].request_id
    assert origin() is NOWHERE
    return found[0]


def test_the_address_is_the_connections_not_a_headers(rf):
    assert seen_by(rf, x_forwarded_for="192.0.2.1").address == "203.0.113.9"


@override_settings(BEHIND_PROXY=True)
def test_behind_the_proxy_only_what_it_added_is_believed(rf):
    said = "192.0.2.1, 198.51.100.4"

    assert seen_by(rf, x_forwarded_for=said).address == "198.51.100.4"
    assert seen_by(rf).address == "203.0.113.9"


def test_no_request_chooses_its_own_id(rf):
    first = seen_by(rf, x_request_id="mine").request_id
    assert first != "mine"
    assert first != seen_by(rf).request_id


def test_a_poll_is_an_event_again_after_a_quarter_of_an_hour(authority, rf):
    anna, ida = login("case_worker"), uuid.uuid4()
    request = rf.get("/worklist/", headers={"X-Poll": "1"})
    request.user = anna

    def look(minutes):
        now = NOW + dt.timedelta(days=1, minutes=minutes)
        return log.viewed(request, "worklist.viewed", now=now, shown=[ida])

    assert look(0)
    assert look(14) is None
    assert look(15)
