"""The clock jumps: forward, back and to and fro, also where summer time begins or ends.

Quarters of an hour are played as the timetable does, and what was told is compared with
a steady clock: each rung of each slot once, none twice, none forgotten.
"""

import datetime as dt
import random
import zoneinfo

import pytest
from django.db import connection, transaction

from cases.models import Disease, Escalation, Monitoring, Person
from diaries import endings, escalation, planning
from quarano.accounts.models import User
from quarano.notifications.models import Message

pytestmark = [pytest.mark.undisturbed, pytest.mark.bar(49, 56)]
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
QUARTER, HOUR, DAY = (
    dt.timedelta(minutes=15),
    dt.timedelta(hours=1),
    dt.timedelta(days=1),
)
ORDINARY = dt.date(2026, 11, 17)
SUMMER_BEGINS, SUMMER_ENDS = dt.date(2027, 3, 28), dt.date(2026, 10, 25)


class _Back(Exception):
    """Undoes a play."""


def kolja(day: dt.date) -> Person:
    """A contact who owes two entries a day, from two days before."""
    opened = dt.datetime.combine(day - 2 * DAY, dt.time(12), BERLIN).astimezone(dt.UTC)
    user = User.objects.create_user(
        email="kolja@mail.example", name="Kolja", created_at=opened
    )
    person = Person.objects.create(
        given_name="Kolja", family_name="Busch", recorded_at=opened, user=user,
        email=user.email,
    )  # fmt: skip
    Monitoring.objects.create(
        person=person, disease=Disease.objects.get(), kind="quarantine",
        start=day - 2 * DAY, opened_at=opened, reported_at=opened, enrolment="enrolled",
    )  # fmt: skip
    return person


def told(day: dt.date, moments: list[dt.datetime]) -> tuple[set[str], set[str], int]:
    """Play the moments in their order; the slots and rungs that were told, the
    escalations raised, and how many messages there were."""
    try:
        with transaction.atomic():
            person = kolja(day)
            for now in moments:
                planning.send_due(now=now)
                escalation.escalate_missed(now=now)
                endings.end_due(now=now)
            purposes = list(
                Message.objects.filter(about=person.pk).values_list(
                    "purpose", flat=True
                )
            )
            raised = list(
                Escalation.objects.filter(person=person).values_list(
                    "reason", flat=True
                )
            )
            assert len(raised) == len(set(raised)), "one open escalation of each reason"
            raise _Back
    except _Back:
        without = {one.replace(str(person.pk), "") for one in purposes}
        return without, set(raised), len(purposes)


def quarters(day: dt.date, days: int = 2) -> list[dt.datetime]:
    """Each quarter of an hour of so many days of Berlin, from midnight; 92 or 100 on
    a day whose clock is changed."""
    start = dt.datetime.combine(day, dt.time(), BERLIN).astimezone(dt.UTC)
    end = dt.datetime.combine(day + days * DAY, dt.time(), BERLIN).astimezone(dt.UTC)
    return [start + number * QUARTER for number in range((end - start) // QUARTER)]


def to_and_fro(moments: list[dt.datetime]) -> list[dt.datetime]:
    """Every few hours the clock is put back by up to three hours, and catches up."""
    chance, played, at = random.Random(17), [], 0
    while at < len(moments):
        step = chance.randrange(4, 20)
        played += moments[max(0, at - chance.randrange(12)) : at + step]
        at += step
    return played


def ahead_and_back(moments: list[dt.datetime]) -> list[dt.datetime]:
    """In the middle the clock is a day ahead for an hour, and then right again."""
    middle = len(moments) // 2
    ahead = [one + DAY for one in moments[middle : middle + 4]]
    return [*moments[:middle], *ahead, *moments[middle:]]


@pytest.mark.parametrize("day", [ORDINARY, SUMMER_BEGINS, SUMMER_ENDS])
@pytest.mark.parametrize("jumps", [to_and_fro, ahead_and_back])
def test_a_clock_that_jumps_tells_each_rung_once_and_forgets_none(
    authority, day, jumps
):
    steady, raised, count = told(day - DAY, quarters(day - DAY, 3))
    connection.set_tenant(authority)
    assert count == len(steady) >= 5
    jumped, raised_then, count_then = told(day - DAY, jumps(quarters(day - DAY, 3)))
    assert count_then == len(jumped), "nothing is told twice"
    assert not steady - jumped, "nothing is forgotten"
    assert raised_then >= raised
    print(  # noqa: T201 - the account is what one reads of it
        f"{day} {jumps.__name__}: {len(jumped)} rungs told, {count_then - len(jumped)} "
        f"doubled, {len(steady - jumped)} lost, {len(jumped - steady)} told early"
    )


def test_days_with_a_changed_clock_tell_as_much_as_any_other(authority):
    def rungs(day: dt.date) -> list[str]:
        found, _, _ = told(day, quarters(day, 1))
        connection.set_tenant(authority)
        return sorted(one.split(":", 3)[-1] for one in found)

    usual = rungs(ORDINARY)
    assert usual
    assert rungs(SUMMER_BEGINS) == usual
    assert rungs(SUMMER_ENDS) == usual
