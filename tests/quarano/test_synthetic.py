"""Invented people stand as the rules would have it, and the check says where not."""

import datetime as dt
from collections import Counter, defaultdict
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django_tenants.utils import tenant_context

from cases import daily_rules, places, search, worklist
from cases.models import (
    EnrolmentCode,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Order,
    Person,
)
from diaries import endings, planning, reminders
from diaries import escalation as rules
from diaries.models import Entry
from health_authorities import memory
from quarano.accounts.models import User
from quarano.notifications.models import Message
from quarano.records import consistency
from quarano.synthetic import country
from tests.world import NOW

Reason = Escalation.Reason
HOUR = dt.timedelta(hours=1)
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def invent(settings):
    """Fill the authority that is entered with invented people."""
    settings.AUTHORITY_CACHE_SECONDS = 30
    memory.forget()

    def fill(authority, count, *, seed=1, cases=0.3, now=NOW):
        connection.set_tenant(authority)
        country.hire(8, seed, now=now)
        piece = country.Piece(authority.schema_name, 0, 0, count, seed, cases, now)
        world = country.enter(authority, piece)
        told = list(country.stories(world, piece))
        world.bulk.flush()
        return told

    yield fill
    memory.forget()


def named():
    return {str(one) for one in consistency.differences(now=NOW)}


def kinds():
    return {one.what for one in consistency.differences(now=NOW)}


def test_300_invented_people_in_two_authorities_agree(
    authority, other_authority, invent
):
    invent(authority, 150)
    assert not named()
    with tenant_context(other_authority):
        invent(other_authority, 150, seed=2)
        assert not named()
        assert Person.objects.count() == 150
    assert Person.objects.count() == 150
    # Not only people: all that an outbreak brings.
    assert Entry.objects.count() > 500
    for reason in (Reason.FIRST_CALL, Reason.ENTRY_MISSING, Reason.ENDS):
        assert Escalation.objects.filter(reason=reason).exists(), reason
    assert Monitoring.objects.filter(status="concluded", conclusion="lapsed").exists()
    assert Order.objects.filter(effect="extend", issued_at__isnull=False).exists()
    assert Message.objects.filter(purpose__startswith="diary:").exists()


def open_ones():
    found = Escalation.objects.open().values_list("subject_id", "reason", "band")
    return set(found)


@pytest.mark.parametrize("hours", [0, 5, 11, 17])
def test_the_jobs_of_the_timetable_find_nothing_left_to_do(authority, invent, hours):
    now = NOW + dt.timedelta(hours=hours)
    invent(authority, 200, now=now, seed=hours)
    before = open_ones()
    followed = Monitoring.objects.open().count()
    with time_machine.travel(now, tick=False):
        daily_rules.run(now)
        rules.escalate_missed(now=now)
        endings.end_due(now=now)
        planning.send_due(now=now)
    assert open_ones() == before
    assert Monitoring.objects.open().count() == followed
    new = Message.objects.filter(state="waiting", purpose__startswith="diary:")
    assert not new.exclude(rung=reminders.REPRESENTATIVE).exists()


def test_one_seed_invents_the_same_people_twice(authority, other_authority, invent):
    def story():
        people = Person.objects.order_by("pk")
        return list(people.values_list("pk", "family_name", "last_entry_at"))

    invent(authority, 40)
    one = story()
    with tenant_context(other_authority):
        country.hire(8, 1, now=NOW)
        piece = country.Piece(authority.schema_name, 0, 0, 40, 1, 0.3, NOW)
        world = country.enter(other_authority, piece)
        list(country.stories(world, piece))
        world.bulk.flush()
        assert story() == one


@pytest.mark.parametrize("hours", [0, 10])
@pytest.mark.parametrize("tab", ["all", "mine", "snoozed", "supervisor"])
def test_the_database_orders_the_worklist_as_its_sum_says(
    authority, invent, tab, hours
):
    invent(authority, 150, cases=0.5)
    now = NOW + dt.timedelta(hours=hours)
    today, midnight = NOW.date(), authority.end_of(NOW.date())
    supervisor = User.objects.get(roles=["supervisor"])
    keys = list(Escalation.objects.open().order_by("pk").values_list("pk", flat=True))
    Escalation.objects.filter(pk__in=keys[::3]).update(assigned_to=supervisor)
    Escalation.objects.filter(pk__in=keys[::5]).update(snoozed_until=now + 3 * HOUR)
    keep = worklist._views(supervisor, now).get(tab, lambda one: not_asleep(one, now))
    people = defaultdict(list)
    for light in worklist.lights(supervisor, on=today):
        if keep(light):
            people[light.person_id].append(light)
    if tab == "mine":
        people = {
            pk: found
            for pk, found in people.items()
            if any(one.assigned_to_id == supervisor.pk for one in found)
        }
    rows = [worklist.Row(pk, one, now, midnight, today) for pk, one in people.items()]
    wanted = [row.person_id for row in sorted(rows, key=lambda row: row.place)]
    assert len(wanted) > 2
    found = places.read(
        supervisor, now=now, today=today, midnight=midnight,
        filters=worklist.Filters(tab=tab), size=1000, ages=(70, 60, 1),
    )  # fmt: skip
    assert found.people == wanted
    assert found.total == len(wanted)
    assert found.bands == Counter(row.band for row in rows)
    assert found.kinds == Counter(one[0].kind for one in people.values())
    reasons = [{light.reason for light in one} for one in people.values()]
    assert found.reasons == Counter(reason for one in reasons for reason in one)


def not_asleep(light, now):
    return light.snoozed_until is None or light.snoozed_until <= now


@pytest.mark.parametrize(
    ("day", "years", "born"),
    [
        (dt.date(2026, 11, 24), 70, dt.date(1956, 11, 24)),
        (dt.date(2028, 2, 29), 1, dt.date(2027, 2, 28)),
        (dt.date(2027, 3, 1), 3, dt.date(2024, 3, 1)),
    ],
)
def test_the_last_birth_date_of_an_age_is_that_of_a_person(day, years, born):
    assert places.years_before(day, years) == born
    assert Person(birth_date=born).age(day) == years
    assert Person(birth_date=born + dt.timedelta(days=1)).age(day) == years - 1


def test_names_are_never_distributed_evenly(authority, invent):
    told = invent(authority, 200)
    families = [story.person.family_name for story in told]
    assert max(families.count(name) for name in set(families)) >= 5
    assert len(set(families)) > 40
    assert {"de"} < {story.person.language for story in told}


LATER = NOW + dt.timedelta(days=3)
SPOILT = {
    "person.last_entry_at": lambda: Person.objects.exclude(last_entry_at=None).update(
        last_entry_at=LATER
    ),
    "person.last_entry_abnormal": lambda: Person.objects.filter(
        last_entry_abnormal=True
    ).update(last_entry_abnormal=False),
    "person.last_counting_symptom_at": lambda: Person.objects.exclude(
        last_counting_symptom_at=None
    ).update(last_counting_symptom_at=None),
    "person.last_reached_at": lambda: Person.objects.exclude(
        last_reached_at=None
    ).update(last_reached_at=None),
    "person.search_text": lambda: Person.objects.update(search_text=" somebody "),
    "person.search_grams": lambda: Person.objects.update(search_grams=["abc"]),
    "monitoring.until": lambda: Monitoring.objects.filter(until__isnull=False).update(
        until=LATER.date()
    ),
    "monitoring.anchor_day": lambda: Monitoring.objects.filter(kind="isolation").update(
        anchor_day=LATER.date(), anchor_kind="onset"
    ),
    "monitoring.enrolment": lambda: Monitoring.objects.filter(
        enrolment="enrolled"
    ).update(enrolled_at=None),
    "entry's slot": lambda: Entry.objects.update(
        opens=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    ),
    "entry outside": lambda: Entry.objects.filter(half="evening").update(
        day=F("day") - dt.timedelta(days=400)
    ),
    "open after the end": lambda: Escalation.objects.filter(
        monitoring__status="concluded", reason="first_call"
    ).update(settled_at=None, settled_by=None, outcome=""),
    "escalation without occasion": lambda: EscalationOccasion.objects.all().delete(),
    "occasion of another": lambda: EscalationOccasion.objects.filter(
        reason="first_call"
    ).update(occasion="x", reason="silent"),
    "message.token": lambda: Message.objects.update(token="left"),
    "code after the end": lambda: EnrolmentCode.objects.exclude(voided_at=None).update(
        voided_at=None
    ),
    "fever not raised": lambda: EscalationOccasion.objects.filter(
        reason="fever"
    ).delete(),
    "login without its diary": lambda: (
        Person.objects.exclude(user=None).first().user.reports_for.all().delete()
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_was_spoilt_is_found(authority, invent, what):
    invent(authority, 120, cases=0.45, seed=3)
    assert what not in kinds()
    assert SPOILT[what](), "there is nothing to spoil"
    assert what in kinds()


@pytest.mark.parametrize(
    "what",
    [
        what
        for what in SPOILT
        if what.startswith("person.") or what == "monitoring.until"
    ],
)
def test_what_can_be_rebuilt_is_mended(authority, invent, what, monkeypatch):
    invent(authority, 30, cases=0.6, seed=5)
    assert SPOILT[what]()
    with time_machine.travel(NOW, tick=False), pytest.raises(CommandError):
        call_command("check_consistency", "neckartal", stdout=StringIO(),
                     stderr=StringIO())  # fmt: skip
    output = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("check_consistency", "neckartal", repair=True, stdout=output,
                     stderr=StringIO())  # fmt: skip
    connection.set_tenant(authority)
    assert "rebuilt" in output.getvalue()
    assert not named()


def test_a_sample_is_so_many_people_and_finds_its_share(authority, invent):
    invent(authority, 60)
    Person.objects.update(search_text="somebody else")
    everybody = set(Person.objects.values_list("pk", flat=True))
    looked_at = set()
    for _turn in range(40):
        found = list(consistency.differences(now=NOW, sample=20))
        people = {one.person for one in found if one.what == "person.search_text"}
        assert len(people) == 20
        looked_at |= people
    # Where it begins is another place each time.
    assert len(looked_at) > 30
    assert looked_at <= everybody
    many = list(consistency.differences(now=NOW, sample=500))
    assert {one.person for one in many} >= everybody


def test_a_person_taken_up_by_the_processes_agrees(authority, invent):
    from tests import world as worlds

    with time_machine.travel(NOW, tick=False):
        worlds.build()
    assert not named()


def test_what_somebody_is_found_by_is_the_same_from_bulk_and_from_a_form(
    authority, invent
):
    for story in invent(authority, 25):
        person = Person.objects.get(pk=story.person.pk)
        before = person.search_text
        search.index(person)
        assert person.search_text == before


def test_nobody_is_invented_among_real_people_by_accident(db, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="invented"):
        call_command("synthesize", persons=10, stdout=StringIO())


def test_every_authority_follows_somebody(db, settings):
    settings.DEBUG = True
    with pytest.raises(CommandError, match="at least one person"):
        call_command("synthesize", persons=1, authorities=2, stdout=StringIO())


def test_most_people_live_in_the_largest_authority():
    from random import Random

    sizes = country.sizes(1_000_000, 400, Random(1))
    assert sizes[0] == 100_000
    assert len(sizes) == 400
    assert sum(sizes) == 1_000_000
    assert max(sizes[1:]) > 3 * min(sizes[1:])
