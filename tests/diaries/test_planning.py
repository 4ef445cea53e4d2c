"""The database finds the same people for the same messages as the rules do one by one,
whoever they are and whatever the clock shows."""

import datetime as dt
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import (
    Case,
    Disease,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
    Reporter,
    Routine,
)
from diaries import escalation as rules
from diaries import owed, planning, reminders
from diaries.models import Entry
from health_authorities import memory
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.notifications import texts
from quarano.notifications.models import Message, TextVersion
from quarano.synthetic import country
from tests.world import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.undisturbed]
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)


@pytest.fixture
def people(authority, settings):
    """Invented people whose lives were made less ordinary, and nobody told yet."""
    settings.AUTHORITY_CACHE_SECONDS = 30
    memory.forget()

    def invent(seed):
        country.hire(8, seed, now=NOW)
        piece = country.Piece(authority.schema_name, 0, 0, 120, seed, 0.4, NOW)
        world = country.enter(authority, piece)
        list(country.stories(world, piece))
        world.bulk.flush()
        Fate(seed).disturb()
        Message.objects.filter(purpose__startswith="diary:").delete()

    yield invent
    memory.forget()


class Fate:
    """Every condition of the ladder, often enough that each is met."""

    hours = (None, None, dt.time(6, 30), dt.time(9, 15), dt.time(16), dt.time(18),
             dt.time(20, 50), dt.time(22))  # fmt: skip

    def __init__(self, seed):
        self.random = Random(f"lives {seed}")
        self.official = User.objects.exclude(roles=[]).order_by("pk")[0]
        self.logins = list(User.objects.filter(roles=[]).order_by("pk"))

    def disturb(self):
        for person in Person.objects.order_by("pk"):
            self.person(person)
            if self.random.random() < 0.5:
                self.appoint(person)
        for number, user in enumerate(self.logins[::5]):
            mobile = f"+491760000{number:04d}"
            User.objects.filter(pk=user.pk).update(email=None, mobile=mobile)
        for user in self.logins[1::5]:
            User.objects.filter(pk=user.pk).update(language="")
        for one in Reporter.objects.order_by("pk")[::6]:
            until = max(one.since, self.day(-2, 2))
            Reporter.objects.filter(pk=one.pk).update(until=until)
        for one in Monitoring.objects.open().order_by("pk"):
            self.monitoring(one)
        for case in Case.objects.order_by("pk")[::3]:
            since = self.day(-5, 1)
            until = self.random.choice((None, since + self.random.randrange(5) * DAY))
            Case.objects.filter(pk=case.pk).update(
                in_hospital_since=since, in_hospital_until=until
            )
        late = Entry.objects.filter(day__gte=NOW.date() - DAY).order_by("pk")
        for entry in late[::3]:
            entry.delete()

    def is_so(self, share):
        return self.random.random() < share

    def moment(self):
        return NOW + self.random.randrange(-60, 20) * 31 * MINUTE

    def day(self, first, beyond):
        return NOW.date() + self.random.randrange(first, beyond) * DAY

    def person(self, person):
        person.preferred_morning = self.random.choice(self.hours)
        person.preferred_evening = self.random.choice(self.hours)
        person.preferred_channel = self.random.choice(("", "mail", "sms"))
        person.language = self.random.choice(("de", "en", "tr"))
        person.no_internet = self.is_so(0.1)
        person.died_on = NOW.date() if self.is_so(0.05) else None
        person.email = "" if self.is_so(0.1) else person.email
        person.mobile = "" if self.is_so(0.1) else person.mobile
        if self.is_so(0.2):
            person.last_reached_at = self.moment()
        if self.is_so(0.3):
            person.last_entry_at = self.moment()
        person.save()

    def appoint(self, person):
        for user in {self.random.choice(self.logins), self.random.choice(self.logins)}:
            kind = self.random.choice(("self", "helper", "custody"))
            Reporter.objects.get_or_create(
                user=user, person=person, until=None,
                defaults={"appointed_at": self.moment(), "kind": kind,
                          "appointed_by": self.official, "since": self.day(-3, 2)},
            )  # fmt: skip

    def monitoring(self, one):
        lot = self.random.random()
        if lot < 0.3:
            one.enrolment = self.random.choice(Monitoring.Enrolment.values)
        if lot < 0.5:
            one.start = self.day(-4, 3)
            one.until = max(one.start, self.day(-2, 3))
        elif lot < 0.6:
            one.until = None
        if self.is_so(0.2):
            one.opened_at = self.moment()
        if self.is_so(0.2):
            one.registered_at = self.moment()
        one.save()
        if self.is_so(0.15):
            start = self.day(-3, 2)
            Monitoring.objects.create(
                person=one.person, disease=Disease.objects.get(), start=start,
                kind="quarantine" if one.kind == "isolation" else "isolation",
                until=start + self.random.randrange(6) * DAY, reported_at=NOW,
                opened_at=self.moment(),
                status=self.random.choice(("open", "planned")),
                enrolment=self.random.choice(("enrolled", "by_phone", "registered")),
            )  # fmt: skip


def as_the_rules_say(now):
    """{purpose: all that a message says}, by the rules for one after the other."""
    authority = current()
    routine = Routine.objects.in_force(on=authority.localdate(now))
    if reminders.is_quiet(authority.localtime(now).time(), routine):
        return {}
    found = {}
    for one in reminders.due(authority, routine, now=now):
        person = one.keeper.person
        heard_of = reminders._heard_of(
            person, one.slot, authority.zone, routine, last_day=one.keeper.last_day
        )
        if not heard_of:
            found.setdefault(
                one.purpose,
                (
                    person.pk, one.rung, one.channel, one.recipient, one.language,
                    one.expires_at, f"diaries/messages/{one.rung}",
                ),
            )  # fmt: skip
    return found


def as_the_database_says(now):
    planning.send_due(now=now)
    written = Message.objects.filter(purpose__startswith="diary:")
    found = {
        purpose: tuple(rest)
        for purpose, *rest in written.values_list(
            "purpose", "about", "rung", "channel", "recipient", "language",
            "expires_at", "template",
        )
    }  # fmt: skip
    written.delete()
    return found


@pytest.mark.parametrize("slots_per_day", [2, 1])
@pytest.mark.parametrize("seed", range(4))
def test_the_database_says_what_the_rules_say(people, seed, slots_per_day):
    people(seed)
    Routine.objects.update(slots_per_day=slots_per_day)
    if slots_per_day == 1:
        Entry.objects.filter(half="morning").update(half="day")
    memory.forget()
    random, rungs = Random(f"moments {seed}"), set()
    moments = [NOW + random.randrange(-36 * 60, 36 * 60) * MINUTE for _ in range(25)]
    midnight = current().end_of(NOW.date())
    moments += [midnight + dt.timedelta(hours=hours) for hours in (-7, -3, 8, 11, 17)]
    for now in moments:
        expected = as_the_rules_say(now)
        assert as_the_database_says(now) == expected, now
        rungs |= {said[1:3] for said in expected.values()}
    # Each rung on each channel was met, or the test says little.
    assert len(rungs) >= (5 if slots_per_day == 2 else 4)


@pytest.mark.parametrize("seed", [5, 6])
def test_nobody_is_left_out_whose_silence_must_be_told(people, seed, monkeypatch):
    """What is asked of the database leaves out only whom the rules would leave out."""
    people(seed)
    # What was said of lives before they were disturbed is true no more.
    Escalation.objects.filter(reason__in=["silent", "entry_missing"]).delete()
    random, told = Random(f"silence {seed}"), set()
    everybody = list(Person.objects.values_list("pk", flat=True))
    moments = sorted(random.randrange(-36 * 60, 60 * 60) for _turn in range(12))
    few = []
    for now in (NOW + minutes * MINUTE for minutes in moments):
        rules.escalate_missed(now=now)
        before = EscalationOccasion.objects.count()
        routine = Routine.objects.in_force(on=current().localdate(now))
        few.append(len(owed.who_may_owe(routine, now=now)))
        with monkeypatch.context() as patched:
            patched.setattr(owed, "who_may_owe", lambda *_args, **_how: everybody)
            rules.escalate_missed(now=now)
        assert EscalationOccasion.objects.count() == before, now
        told |= set(Escalation.objects.open().values_list("reason", flat=True))
        for person in random.sample(everybody, 10):
            Person.objects.filter(pk=person).update(last_reached_at=now)
    assert {"silent", "entry_missing"} <= told
    assert min(few) < len(everybody) / 2


def test_quiet_hours_over_midnight_or_none(people):
    people(9)
    for quiet in ((dt.time(13), dt.time(15)), (dt.time(0), dt.time(0))):
        Routine.objects.update(quiet_from=quiet[0], quiet_until=quiet[1])
        memory.forget()
        for hours in range(0, 24, 3):
            now = NOW + dt.timedelta(hours=hours)
            assert as_the_database_says(now) == as_the_rules_say(now), (quiet, now)


def test_the_version_of_the_text_in_use_is_noted(people):
    people(2)
    now = current().at(NOW.date(), dt.time(17))
    for number in (2, 3):
        TextVersion.objects.create(
            template="diaries/messages/overdue", channel="mail", language="de",
            number=number, source="Betreff\n\n{link}", written_at=NOW,
            written_by=User.objects.order_by("pk")[0].pk,
        )  # fmt: skip
    memory.forget()
    assert planning.send_due(now=now)
    for one in Message.objects.filter(purpose__startswith="diary:"):
        assert one.text_version == texts.version(
            one.template, one.channel, one.language
        )
    assert Message.objects.filter(text_version="3").exists()
    assert Message.objects.filter(purpose__startswith="diary:", text_version="1")


def test_statements_do_not_grow_with_the_people(people):
    people(3)
    now = current().at(NOW.date(), dt.time(17))
    planning.send_due(now=now)
    assert Message.objects.filter(rung="overdue").count() > 10
    Message.objects.filter(purpose__startswith="diary:").delete()
    with CaptureQueriesContext(connection) as asked:
        planning.send_due(now=now)
    wrote = [one["sql"] for one in asked if "INSERT INTO" in one["sql"]]
    assert len(wrote) <= 2  # the own rungs, and those of representatives
    assert len(asked) <= 12


def test_whoever_is_in_the_way_for_long_is_told_alone(people, monkeypatch):
    from django.db.utils import OperationalError
    from psycopg.errors import SerializationFailure

    people(3)
    now = current().at(NOW.date(), dt.time(17))
    whole = planning._write

    def busy(sql, some, *, now):
        if len(some) > 2:
            raise OperationalError from SerializationFailure()
        return whole(sql, some, now=now)

    expected = as_the_database_says(now)
    monkeypatch.setattr(planning, "_write", busy)
    assert as_the_database_says(now) == expected
