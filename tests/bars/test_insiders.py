"""Six misuses that each raise one alarm, and a normal week that raises hardly any."""

import datetime as dt
import random
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases import calls
from cases.models import Escalation, Monitoring, Person
from quarano.accounts import invitations, staff
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from quarano.oversight import watch
from quarano.oversight.models import Alarm
from quarano.tasks import watch_readings
from tests import factories as make
from tests import world as worlds
from tests.world import PASSWORD, hire

# Tuesday, 10:00 in Neckartal.
NOW = worlds.NOW
MINUTE = dt.timedelta(minutes=1)
LATEST = 5 * MINUTE
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def clock(authority, time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def office(clock, authority):
    """Petra Keller at the desk; her supervisor and the administrator are told."""
    petra = hire("Petra", "case_worker")
    petra.name = "Petra Keller"
    petra.save()
    return {
        "petra": petra,
        "olaf": hire("Olaf", "case_worker"),
        "supervisor": hire("Susanne", "supervisor"),
        "administrator": hire("Ada", "administrator"),
    }


class Official:
    """Somebody at a browser, for whom time passes."""

    def __init__(self, clock, user):
        self.clock, self.user, self.now = clock, user, NOW
        self.browser = worlds.client_of("neckartal.localhost", user)

    def wait(self, time):
        self.now += time
        self.clock.move_to(self.now, tick=False)

    def get(self, path, **parameters):
        # A browser that is never left alone: sessions have their own tests.
        tenant = connection.tenant
        self.browser = worlds.client_of("neckartal.localhost", self.user)
        response = self.browser.get(path, parameters)
        assert response.status_code == 200, (path, response.status_code)
        connection.set_tenant(tenant)
        return response

    def open(self, person, *, after=MINUTE):
        self.wait(after)
        return self.get(f"/people/{person.pk}/")

    def search(self, words, *, after=MINUTE):
        self.wait(after)
        return self.get("/people/", q=words)


def somebody(family, *, street="", cared_by=None, **fields):
    person = make.PersonFactory(
        given_name="Somebody", family_name=family, street=street,
        postal_code="70001" if street else "", **fields,
    )  # fmt: skip
    make.MonitoringFactory(person=person, assigned_to=cared_by)
    return person


def watched(authority, clock, *, at):
    """The alarms, looked for at the latest moment that the bar allows."""
    clock.move_to(at + LATEST, tick=False)
    watch_readings("neckartal")
    connection.set_tenant(authority)
    return list(Alarm.objects.all())


def only(alarms, rule, user):
    assert [(one.rule, one.actor) for one in alarms] == [(rule, user.pk)]
    assert alarms[0].raised_at - alarms[0].happened_at <= LATEST


def drill_neighbours(office, clock):
    """She looks up one house after the other of the street she lives in."""
    petra = Official(clock, office["petra"])
    for number in range(1, 4):
        person = somebody(f"Nachbar{number}", street=f"Uferweg {number}")
        petra.search(person.family_name)
        petra.open(person)
    return petra


def drill_surname(office, clock):
    """She opens the file of somebody of her name, which is not her work."""
    petra = Official(clock, office["petra"])
    petra.open(somebody("Keller"))
    return petra


def drill_mass(office, clock):
    """She opens file after file."""
    petra = Official(clock, office["petra"])
    for _ in range(60):
        person = somebody("Vielzahl", cared_by=petra.user)
        petra.open(person, after=dt.timedelta(seconds=20))
    return petra


def drill_night(office, clock):
    """At eleven in the evening she reads what nobody waits for."""
    petra = Official(clock, office["petra"])
    petra.wait(dt.timedelta(hours=13))
    for _ in range(5):
        petra.open(somebody("Nacht"))
    return petra


def drill_other_team(office, clock):
    """She reads through the people whom Olaf looks after."""
    petra = Official(clock, office["petra"])
    for _ in range(10):
        petra.open(somebody("Fremd", cared_by=office["olaf"]), after=4 * MINUTE)
    return petra


def drill_ex_employee(office, clock):
    """Her account is closed; at home she tries whether it still opens."""
    petra = Official(clock, office["petra"])
    by = office["administrator"]
    staff.deactivate(petra.user, by=by, now=NOW)
    tenant = connection.tenant
    browser = worlds.client_of("neckartal.localhost")
    petra.wait(MINUTE)
    browser.post("/account/login/", {"login": petra.user.email, "password": PASSWORD})
    connection.set_tenant(tenant)
    return petra


DRILLS = {
    "neighbours": drill_neighbours,
    "own": drill_surname,
    "mass": drill_mass,
    "night": drill_night,
    "others": drill_other_team,
    "ended": drill_ex_employee,
}


@pytest.mark.bar(69)
@pytest.mark.parametrize("rule", DRILLS)
def test_bar_69_each_of_six_misuses_raises_one_alarm(rule, office, authority, clock):
    petra = DRILLS[rule](office, clock)
    only(watched(authority, clock, at=petra.now), rule, petra.user)


@pytest.mark.bar(69)
def test_bar_69_an_account_whose_last_day_has_passed_is_one_that_ended(
    office, authority, clock
):
    petra = office["petra"]
    User.objects.filter(pk=petra.pk).update(active_until=dt.date(2026, 11, 23))
    for password in (PASSWORD, "wrong horse battery"):
        browser = worlds.client_of("neckartal.localhost")
        browser.post("/account/login/", {"login": petra.email, "password": password})
    connection.set_tenant(authority)
    failed = Event.objects.filter(verb="login.failed", actor=petra.pk)
    assert [event.codes["step"] for event in failed] == ["ended account"] * 2
    only(watched(authority, clock, at=NOW), "ended", petra)


@pytest.mark.bar(69)
def test_bar_69_searching_without_opening_raises_an_alarm(office, authority, clock):
    petra = Official(clock, office["petra"])
    for number in range(12):
        petra.search(f"Promi{number}")
    only(watched(authority, clock, at=petra.now), "searches", petra.user)


@pytest.mark.bar(69)
def test_bar_69_an_export_at_night_raises_an_alarm(office, authority, clock):
    at = NOW + dt.timedelta(hours=13)
    Event.objects.create(
        at=at, actor=office["petra"].pk, actor_kind="staff", verb="cases.exported",
        shown=[uuid.uuid4()],
    )  # fmt: skip
    only(watched(authority, clock, at=at), "night", office["petra"])


@pytest.mark.bar(69)
def test_bar_69_the_alarm_is_told_to_others_without_a_name(office, authority, clock):
    petra = drill_surname(office, clock)
    alarm = watched(authority, clock, at=petra.now)[0]
    told = Message.objects.filter(purpose__startswith=f"alarm:{alarm.pk}")
    assert {one.recipient for one in told} == {
        office["supervisor"].email,
        office["administrator"].email,
    }
    for message in told:
        for language in ("en", "de"):
            message.language = language
            text = render(message)
            assert "/oversight/alarms/" in text.body
            for word in ("Keller", "Petra", str(alarm.person), str(petra.user.pk)):
                assert word not in f"{text.subject}{text.body}"


def test_an_alarm_about_a_supervisor_is_not_told_to_them(office, authority, clock):
    boss = Official(clock, office["supervisor"])
    boss.user.name = "Susanne Keller"
    boss.user.save()
    boss.open(somebody("Keller"))
    watched(authority, clock, at=boss.now)
    told = Message.objects.filter(purpose__startswith="alarm:")
    assert {one.recipient for one in told} == {office["administrator"].email}


def test_looking_again_raises_nothing_anew(office, authority, clock):
    petra = drill_surname(office, clock)
    assert len(watched(authority, clock, at=petra.now)) == 1
    assert len(watched(authority, clock, at=petra.now)) == 1
    assert Event.objects.filter(verb="alarm.raised").count() == 1


def test_the_own_file_and_the_own_household_are_noticed(office, authority, clock):
    petra = Official(clock, office["petra"])
    own = somebody("Keller", street="Am Wehr 3", email=petra.user.email)
    flatmate = somebody("Other", street="Am Wehr 3")
    petra.open(own)
    petra.open(flatmate)
    alarms = watched(authority, clock, at=petra.now)
    assert {(one.rule, one.person) for one in alarms} == {
        ("own", own.pk),
        ("own", flatmate.pk),
    }


# --- A normal week ------------------------------------------------------------------

OFFICIALS, PEOPLE, DAYS = 24, 1_500, 5
READS = 10_000
# The commonest family names of Germany, by their share in a thousand, and the many
# others of which each is rare.
COMMON = {
    "Müller": 9.5, "Schmidt": 6.9, "Schneider": 4.2, "Fischer": 3.7, "Weber": 3.1,
    "Meyer": 3.0, "Wagner": 2.9, "Schulz": 2.7, "Becker": 2.7, "Hoffmann": 2.6,
    "Koch": 2.2, "Richter": 1.9, "Bauer": 1.9, "Klein": 1.9, "Wolf": 1.8,
    "Schröder": 1.8, "Neumann": 1.7, "Schwarz": 1.6, "Braun": 1.6, "Zimmermann": 1.6,
}  # fmt: skip


class Week:
    """Work as it is: mostly one's own people and those who wait on the worklist, now
    and then a caller whom a colleague looks after; calls follow, some of them late."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.events = []
        self.reads = 0
        self.officials = [
            hire(f"W{number}", "case_worker") for number in range(OFFICIALS)
        ]
        for official in self.officials:
            official.name = f"{official.email[:3]} {self.family_name()}"
            official.save()
        self.people = self.all_people()
        self.cared_by = {}
        disease, spans, waiting = worlds.Disease.objects.get(), [], []
        for number, person in enumerate(self.people):
            official = self.officials[number % OFFICIALS]
            has_official = self.dice.random() < 0.7
            self.cared_by[person.pk] = official if has_official else None
            spans.append(Monitoring(
                person=person, disease=disease, kind="quarantine", status="open",
                start=worlds.TODAY, opened_at=NOW, reported_at=NOW,
                assigned_to=official if has_official else None,
            ))  # fmt: skip
            if not has_official:
                waiting.append(Escalation(
                    person=person, subject_kind="person", subject_id=person.pk,
                    reason="first_call", band=Escalation.Band.CAN_WAIT, due_at=NOW,
                    raised_at=NOW - 9 * worlds.DAY,
                ))  # fmt: skip
        Monitoring.objects.bulk_create(spans)
        Escalation.objects.bulk_create(waiting)

    def family_name(self):
        dice = self.dice.random() * 1_000
        for name, share in COMMON.items():
            dice -= share
            if dice < 0:
                return name
        return f"Selten{self.dice.randrange(12_000)}"

    def all_people(self):
        return Person.objects.bulk_create(
            Person(
                given_name="P", family_name=self.family_name(), recorded_at=NOW,
                street=f"Strasse{self.dice.randrange(300)}weg "
                f"{self.dice.randrange(1, 60)}",
                postal_code=f"7000{self.dice.randrange(5)}",
            )
            for _ in range(PEOPLE)
        )  # fmt: skip

    def note(self, official, at, verb, person=None, **more):
        self.events.append(Event(
            at=at, actor=official.pk, actor_kind="staff", verb=verb,
            person=person.pk if person else None, **more,
        ))  # fmt: skip

    def work(self, official, day):
        at = day + dt.timedelta(minutes=self.dice.randrange(60))
        own = [p for p in self.people if self.cared_by[p.pk] is official]
        unassigned = [p for p in self.people if self.cared_by[p.pk] is None]
        for _ in range(88):
            at += dt.timedelta(seconds=self.dice.randrange(120, 500))
            dice = self.dice.random()
            if dice < 0.05:  # a caller, found by name; mostly noted, not always
                person = self.dice.choice(self.people)
                words = {"words": 2}
                self.note(official, at, "search.viewed", shown=[person.pk], codes=words)
                at += dt.timedelta(seconds=20)
                self.note(official, at, "file.opened", person)
                done = self.dice.random() < 0.7
            elif dice < 0.65:
                person = self.dice.choice(own)
                self.note(official, at, "panel.viewed", person)
                done = self.dice.random() < 0.8
            else:
                person = self.dice.choice(unassigned)
                self.note(official, at, "panel.viewed", person)
                done = self.dice.random() < 0.8
            self.reads += 1
            if done:
                later = dt.timedelta(minutes=self.dice.randrange(1, 12))
                self.note(official, at + later, "call.recorded", person)


@pytest.mark.bar(69)
def test_bar_69_a_normal_week_raises_one_false_alarm_at_most(authority, clock):
    monday = dt.datetime(2026, 11, 16, 7, tzinfo=dt.UTC)
    week = Week(seed=69)
    for day in range(DAYS):
        for official in week.officials:
            week.work(official, monday + day * worlds.DAY)
    Event.objects.bulk_create(week.events)
    assert week.reads >= READS
    # A window found at any minute is a window of the whole: each day is looked through.
    for day in range(DAYS):
        evening = monday + day * worlds.DAY + dt.timedelta(hours=16)
        clock.move_to(evening, tick=False)
        watch.look(now=evening, since=evening - dt.timedelta(hours=17))
    alarms = list(Alarm.objects.values_list("rule", flat=True))
    assert len(alarms) <= week.reads / READS, alarms


def test_a_look_asks_no_more_with_more_officials(office, authority, clock):
    """Thirty officials are looked through in as many statements as two."""

    def statements(officials):
        for user in officials:
            person = somebody("Gleich", cared_by=user)
            calls.record_call(
                person, outcome="no_answer", number="", note="", by=user, now=NOW
            )
            Event.objects.create(
                at=NOW, actor=user.pk, actor_kind="staff", verb="file.opened",
                person=person.pk,
            )  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            watch_readings("neckartal")
        connection.set_tenant(authority)
        return len(asked)

    few = statements([office["petra"], office["olaf"]])
    many = [hire(f"More{number}", "case_worker") for number in range(10)]
    assert statements(many) <= few


@pytest.mark.parametrize(
    ("name", "mailbox", "is_told"),
    [
        ("Ada", "somebody.else", True),
        ("Somebody Else", "ada+two", True),
        ("Somebody Else", "somebody.else", False),
    ],
)
def test_a_second_account_of_ones_own_raises_an_alarm(
    office, authority, clock, name, mailbox, is_told
):
    ada = office["administrator"]
    User.objects.filter(pk=ada.pk).update(email="ada@neckartal.example", name="Ada")
    ada.refresh_from_db()
    address = f"{mailbox}@other.example"
    invitations.invite(name=name, email=address, roles=["case_worker"], by=ada, now=NOW)
    for _turn in range(2):
        watch.look(now=NOW + MINUTE, since=NOW - MINUTE)
    told = [alarm.actor for alarm in Alarm.objects.filter(rule="second")]
    assert told == ([ada.pk] if is_told else [])
