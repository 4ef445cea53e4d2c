"""Bars 46, 47, 49 and 56: two at one form, twenty at one entry, every slot, two clocks
that beat."""

import datetime as dt
import hashlib
import os
import time
import zoneinfo

import pytest
import time_machine
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from cases import policy as versions
from cases.models import (
    Case,
    Disease,
    Logo,
    Monitoring,
    Person,
    Policy,
    Questionnaire,
    Routine,
)
from contacts.models import Contact, Event, Exposure
from diaries import planning
from diaries.models import Entry, Symptom
from diaries.slots import DAY, EVENING, MORNING, Slot
from health_authorities.models import HealthAuthority
from quarano.accounts.models import User
from quarano.admin import authority_admin, operator_admin
from quarano.celery import app
from quarano.notifications.models import Message
from tests import world as worlds
from tests.bars.forms import forms
from tests.diaries.test_slots import Times

pytestmark = pytest.mark.undisturbed
NOW = worlds.NOW


@pytest.fixture
def world(authority):
    with time_machine.travel(NOW, tick=False):
        yield worlds.build()


# --- 46 ------------------------------------------------------------------------------

# For each model with a version: the page with its form, a field, and two values.
EDITED = {
    Person: ("cases:edit_details", "person", "city", "Neckarsand", "Neckarbrück"),
    Case: ("cases:edit_case", "case", "occupation", "smith", "nurse"),
    Event: ("events:edit", "gathering", "place", "Neckarsand", "Neckarbrück"),
}
# Shown where their pages are tested.
ELSEWHERE = {
    Entry: "tests/diaries/test_pages.py::"
    "test_a_change_against_an_older_version_comes_back",
    Questionnaire: "tests/cases/test_enrolment.py::"
    "test_two_who_save_at_once_see_both_versions",
    Contact: "tests/contacts/test_views.py::test_a_citizen_changes_and_takes_back",
    Exposure: "tests/contacts/test_views.py::test_an_exposure_is_changed_and_withdrawn",
    # Changed by steps that lock it and look again, never by a form of fields.
    Monitoring: "tests/cases/test_containment.py::",
    HealthAuthority: "tests/health_authorities/::",
    # A picture that is replaced whole; the number names it in its address.
    Logo: "tests/cases/letters/::",
}


def form_with(page, name):
    found = [one for one in forms(page.content.decode()) if name in one.names]
    return found[0]


@pytest.mark.bar(46)
@pytest.mark.parametrize("model", list(EDITED))
def test_bar_46_the_second_of_two_officials_sees_both_values(world, model):
    name, kind, field, first, second = EDITED[model]
    path = reverse(name, urlconf="quarano.urls", kwargs={"pk": world.ids[kind]})
    anna = world.client(world.staff["case_worker"])
    oemer = world.client(world.staff["supervisor"])
    pages = [form_with(one.get(path), field) for one in (anna, oemer)]
    assert anna.post(path, pages[0].values | {field: first}).status_code in {204, 302}
    answer = oemer.post(path, pages[1].values | {field: second})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert first in text
    assert second in text
    connection.set_tenant(world.authority)
    row = model.objects.get(pk=world.ids[kind])
    assert getattr(row, field) == first, "nothing is overwritten in silence"
    again = form_with(answer, field)
    assert oemer.post(path, again.values | {field: second}).status_code in {204, 302}
    connection.set_tenant(world.authority)
    row.refresh_from_db()
    assert getattr(row, field) == second, "having seen it, one may"


@pytest.mark.bar(46)
def test_bar_46_every_row_with_a_version_is_shown(authority):
    with_version = {
        model
        for model in apps.get_models()
        if any(field.name == "version" for field in model._meta.concrete_fields)
    }
    assert with_version <= EDITED.keys() | ELSEWHERE.keys()


def drafted(world):
    return versions.draft_policy(
        Policy.objects.get(), by=world.staff["administrator"], now=NOW
    )


def drafted_routine(world):
    return versions.draft_routine(
        Routine.objects.get(), by=world.staff["administrator"], now=NOW
    )


# The rows of the administration: one, a field of it, and two values.
ADMINISTERED = {
    User: (lambda world: world.staff["case_worker"], "active_until",
           "2027-01-31", "2027-02-28"),
    Policy: (drafted, "source", "First source", "Second source"),
    Routine: (drafted_routine, "code_hours", "30", "40"),
    Symptom: (lambda world: Symptom.objects.order_by("position").first(), "name_en",
              "First name", "Second name"),
}  # fmt: skip


@pytest.mark.bar(46)
@pytest.mark.parametrize("model", list(ADMINISTERED))
def test_bar_46_the_second_of_two_administrators_sees_both_values(world, model):
    make, field, first, second = ADMINISTERED[model]
    row = make(world)
    path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row.pk}/change/"
    ruth = world.client(world.staff["administrator"])
    rita = world.client(world.staff["administrator"])
    pages = [form_with(one.get(path), field) for one in (ruth, rita)]
    answer = ruth.post(path, pages[0].values | {field: first})
    assert answer.status_code == 302, answer.content.decode()
    connection.set_tenant(world.authority)
    kept = model.objects.filter(pk=row.pk).values().get()
    answer = rita.post(path, pages[1].values | {field: second})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Somebody else changed this meanwhile" in text
    assert first in text
    assert second in text
    connection.set_tenant(world.authority)
    assert model.objects.filter(pk=row.pk).values().get() == kept
    again = form_with(answer, field)
    assert rita.post(path, again.values | {field: second}).status_code == 302
    connection.set_tenant(world.authority)
    assert model.objects.filter(pk=row.pk).values().get() != kept


@pytest.mark.bar(46)
def test_bar_46_every_row_that_the_administration_edits_compares_what_stood_there(db):
    edited = set()
    for site in (authority_admin, operator_admin):
        for model, rows in site._registry.items():
            if rows.may_change:
                edited.add(model)
                assert "seen" in rows.form.base_fields, model
    assert set(ADMINISTERED) <= edited


# --- 47 ------------------------------------------------------------------------------


@pytest.mark.bar(47)
def test_bar_47_the_database_refuses_a_second_entry_of_a_slot(world):
    """Past form and process: twenty times the same row."""
    entry = Entry.objects.order_by("day").first()
    before = Entry.objects.count()
    for _time in range(20):
        twin = Entry.objects.get(pk=entry.pk)
        twin.pk = None
        twin._state.adding = True
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save(force_insert=True)
    assert Entry.objects.count() == before


# --- 49 ------------------------------------------------------------------------------

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
TICK = dt.timedelta(microseconds=1)
YEARS = (dt.date(2020, 1, 1), dt.date(2040, 1, 1))


def boundaries(times):
    """Each boundary of twenty years, by our own arithmetic: in UTC, by the wall clock
    of Berlin, and the slot that begins there."""
    day = YEARS[0]
    while day < YEARS[1]:
        starts = {MORNING: times.morning_from, EVENING: times.evening_from}
        if times.slots_per_day == 1:
            starts = {DAY: times.morning_from}
        for half, start in starts.items():
            yield (
                dt.datetime.combine(day, start, BERLIN).astimezone(dt.UTC),
                Slot(day, half),
            )
        day += dt.timedelta(days=1)


@pytest.mark.bar(49)
@pytest.mark.parametrize("times", [Times(), Times(slots_per_day=1)])
def test_bar_49_every_instant_of_twenty_years_has_one_slot_in_every_zone(times):
    """Each of 14,610 (7,305) boundaries, a microsecond before, at it, and after, with
    forty changes of the clock; the server's own zone changes nothing."""
    found, before = {}, os.environ.get("TZ")
    try:
        for zone in ("UTC", "Europe/Berlin", "Pacific/Honolulu"):
            os.environ["TZ"] = zone
            time.tzset()
            digest, last, ends = hashlib.sha256(), None, None
            for moment, slot in boundaries(times):
                here = [
                    Slot.at(BERLIN, moment + tick, times)
                    for tick in (-TICK, 0 * TICK, TICK)
                ]
                assert here[1:] == [slot, slot], moment
                if last is not None:
                    assert here[0] == last == slot.previous, moment
                    assert ends == moment, "without gap or overlap"
                last, ends = slot, slot.ends(BERLIN, times)
                digest.update(f"{here}{ends.timestamp()}".encode())
            found[zone] = digest.hexdigest()
    finally:
        os.environ.pop("TZ", None)
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()
    assert len(set(found.values())) == 1


# --- 56 ------------------------------------------------------------------------------


@pytest.mark.bar(56)
def test_bar_56_two_schedulers_remind_nobody_twice(world, jobs_at_once, settings):
    """Every entry of the timetable, each run twice, over a day of quarter hours."""
    settings.TRANSPORTS = dict.fromkeys(
        ("mail", "sms"), "quarano.notifications.transports.Console"
    )
    settings.DEBUG = True
    names = [
        entry["task"]
        for entry in app.conf.beat_schedule.values()
        if "queue" not in entry.get("options", {})
    ]
    app.loader.import_default_modules()
    told = []
    for schedulers in (1, 2):
        try:
            with transaction.atomic():
                for hours in (9, 10.25, 19.75, 23):
                    with time_machine.travel(
                        NOW + dt.timedelta(hours=hours), tick=False
                    ):
                        for name in names:
                            for _scheduler in range(schedulers):
                                app.tasks[name].apply(throw=True)
                connection.set_tenant(world.authority)
                told.append(
                    sorted(
                        Message.objects.values_list(
                            "template", "channel", "recipient", "rung", "state"
                        )
                    )
                )
                raise _Back
        except _Back:
            connection.set_tenant(world.authority)
    once, twice = told
    assert len([one for one in once if one[0].startswith("diaries/")]) >= 2
    assert once == twice


class _Back(Exception):
    """Undoes a day."""


@pytest.mark.bar(56)
@pytest.mark.committed
def test_bar_56_eight_at_the_same_moment_write_one_reminder(place, at_once):
    opened = NOW - 2 * worlds.DAY
    disease = Disease.objects.create(code="covid-19")
    Policy.objects.create(
        disease=disease, valid_from=dt.date(2026, 1, 1), shipped=True,
        drafted_at=opened, approved_at=opened,
    )  # fmt: skip
    Routine.objects.create(valid_from=dt.date(2026, 1, 1), drafted_at=opened)
    for number in range(3):
        user = User.objects.create_user(
            email=f"k{number}@mail.example", name="Kolja", created_at=opened
        )
        person = Person.objects.create(
            given_name="Kolja", family_name="Busch", recorded_at=opened, user=user,
            email=user.email,
        )  # fmt: skip
        Monitoring.objects.create(
            person=person, disease=disease, kind="quarantine", start=opened.date(),
            opened_at=opened, reported_at=opened, enrolment="enrolled",
        )  # fmt: skip
    at = NOW + dt.timedelta(hours=3)
    ends = at_once(
        lambda _number: planning.send_due(now=at), 8, threads=8, tenant=place
    )
    assert not [one for one in ends if isinstance(one, Exception)]
    found = list(Message.objects.values_list("recipient", "rung"))
    assert len(found) == len(set(found)) >= 3
