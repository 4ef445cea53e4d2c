"""The trail of events: append-only, chained, kept for its time and no longer."""

import datetime as dt
import itertools
import random
import uuid

import pytest
from django.db import ProgrammingError, connection, transaction
from psycopg.errors import InsufficientPrivilege

from cases.models import Person, Routine
from quarano.audit import APPEND_ONLY, chain, log
from quarano.audit.models import Event, Seal
from quarano.cockroach.roles import as_owner
from quarano.records.periods import access_log_before, months_before
from quarano.tasks import erase_access_log, erase_access_log_all
from tests import world as worlds

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
LINKS = 24
MANIPULATIONS = 1_000
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def empty(authority):
    """No event yet, within the test's transaction."""
    with as_owner():
        Seal.objects.all().delete()
        Event.objects.all().delete()


def events(count, *, since):
    for number in range(count):
        log.record(
            "file.opened", None, by=None, now=since + number * MINUTE,
            person=uuid.UUID(int=number + 1), fields=["name"], codes={"n": number},
        )  # fmt: skip


@pytest.fixture
def sealed(empty):
    events(LINKS, since=NOW)
    assert chain.seal(now=NOW + DAY) == LINKS


CHANGES = {
    "at": lambda dice: NOW + dice.randrange(100, 9_000) * dt.timedelta(seconds=7),
    "actor": lambda dice: uuid.UUID(int=dice.getrandbits(128)),
    "actor_kind": lambda dice: dice.choice(["staff", "citizen", "operator", "nobody"]),
    "verb": lambda dice: dice.choice(["file.closed", "x", "file.openeD"]),
    "subject_kind": lambda dice: dice.choice(["cases.case", "y"]),
    "subject": lambda dice: uuid.UUID(int=dice.getrandbits(128)),
    "person": lambda dice: uuid.UUID(int=dice.getrandbits(127) + 2**127),
    "shown": lambda dice: [uuid.UUID(int=dice.getrandbits(128))],
    "fields": lambda dice: dice.choice([[], ["name", "city"], ["Name"]]),
    "codes": lambda dice: {"n": dice.randrange(1_000, 2_000)},
    "request_id": lambda dice: str(dice.getrandbits(60)),
    "address": lambda dice: f"192.0.2.{dice.randrange(256)}",
}
LINK_CHANGES = {
    "before": lambda dice: f"{dice.getrandbits(256):064x}",
    "hash": lambda dice: f"{dice.getrandbits(256):064x}",
    "event": lambda dice: uuid.UUID(int=dice.getrandbits(128)),
    "position": lambda dice: dice.randrange(1_000, 9_000),
}


def change_event(dice, seals):
    name = dice.choice(sorted(CHANGES))
    row = Event.objects.filter(pk=dice.choice(seals).event)
    row.update(**{name: CHANGES[name](dice)})
    return f"event's {name}"


def change_link(dice, seals):
    name = dice.choice(sorted(LINK_CHANGES))
    row = Seal.objects.filter(pk=dice.choice(seals).pk)
    row.update(**{name: LINK_CHANGES[name](dice)})
    return f"link's {name}"


def remove_event(dice, seals):
    Event.objects.filter(pk=dice.choice(seals).event).delete()
    return "event removed"


def remove_both(dice, seals):
    """Not the newest ones: that a chain was cut there a noted head shows."""
    link = dice.choice(seals[:-1])
    Event.objects.filter(pk=link.event).delete()
    Seal.objects.filter(pk=link.pk).delete()
    return "event and link removed"


def remove_the_oldest(dice, seals):
    """As an erasure that is due would, but nobody signed it."""
    gone = seals[: dice.randrange(1, len(seals))]
    Event.objects.filter(pk__in=[link.event for link in gone]).delete()
    Seal.objects.filter(pk__in=[link.pk for link in gone]).delete()
    return "the oldest removed"


def swap_events(dice, seals):
    one, other = dice.sample(seals, 2)
    Seal.objects.filter(pk=one.pk).update(event=uuid.UUID(int=1))
    Seal.objects.filter(pk=other.pk).update(event=one.event)
    Seal.objects.filter(pk=one.pk).update(event=other.event)
    return "two events swapped"


def swap_links(dice, seals):
    one, other = dice.sample(seals, 2)
    Seal.objects.filter(pk=one.pk).update(position=99)
    Seal.objects.filter(pk=other.pk).update(position=one.position)
    Seal.objects.filter(pk=one.pk).update(position=other.position)
    return "two links swapped"


WAYS = [change_event, change_event, change_link, remove_event, remove_both,
        remove_the_oldest, swap_events, swap_links]  # fmt: skip


@pytest.mark.bar(66)
def test_bar_66_each_of_1000_random_manipulations_is_found(sealed):
    dice = random.Random(66)
    seals = list(Seal.objects.order_by("position"))
    assert list(chain.verify()) == []
    missed = []
    for number in range(MANIPULATIONS):
        with transaction.atomic():
            with as_owner():
                what = dice.choice(WAYS)(dice, seals)
            if next(chain.verify(), None) is None:
                missed.append((number, what))
            transaction.set_rollback(True)
    assert missed == []
    assert list(chain.verify()) == []


@pytest.mark.bar(66)
@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET id = id",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DROP COLUMN id",
    ],
)
def test_bar_66_the_application_only_adds_to_the_trail(sealed, table, statement):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("quarano_app",)
    with pytest.raises(InsufficientPrivilege), transaction.atomic():
        connection.connection.execute(statement.format(table))
    assert Event.objects.count() == Seal.objects.count() == LINKS


# --- Retention ----------------------------------------------------------------------


@pytest.fixture
def old_and_new(empty):
    """Ten events of over a year ago, then five of today, all sealed."""
    events(10, since=NOW - 400 * DAY)
    events(5, since=NOW - MINUTE * 10)
    chain.seal(now=NOW)


@pytest.mark.bar(68)
def test_bar_68_events_older_than_the_routine_says_are_erased(
    old_and_new, authority, time_machine
):
    time_machine.move_to(NOW, tick=False)
    head = chain.head()
    erase_access_log("neckartal")
    connection.set_tenant(authority)
    kept = Event.objects.exclude(verb=chain.ERASED)
    assert kept.count() == 5
    assert not kept.filter(at__lt=NOW - 366 * DAY).exists()
    assert Seal.objects.order_by("position").first().position == 11
    assert list(chain.verify()) == []
    assert chain.contains(head)
    # The erasure is an event of its own, a link of the same chain.
    chain.seal(now=NOW)
    assert list(chain.verify()) == []
    erase_access_log("neckartal")
    connection.set_tenant(authority)
    assert Event.objects.filter(verb=chain.ERASED).count() == 1


@pytest.mark.bar(68)
def test_bar_68_the_authority_says_how_long(old_and_new, authority):
    Routine.objects.create(
        valid_from=worlds.TODAY, keep_access_log_months=24, drafted_at=NOW
    )
    before = access_log_before(now=NOW)
    assert before == dt.datetime(2024, 11, 24, tzinfo=authority.zone)
    with as_owner():
        assert chain.erase(before=before, now=NOW) == 0


@pytest.mark.bar(68)
def test_bar_68_the_application_cannot_erase(old_and_new):
    with pytest.raises(ProgrammingError), transaction.atomic():
        chain.erase(before=NOW - 366 * DAY, now=NOW)


@pytest.mark.bar(68)
def test_bar_68_an_erasure_that_broke_off_goes_on(old_and_new, monkeypatch):
    monkeypatch.setattr(chain, "AT_ONCE", 4)
    cut = chain._cut(before=NOW - 366 * DAY, now=NOW)
    assert cut.position == 10
    with as_owner():
        assert chain._erase_batch(cut.position) == 4
        assert list(chain.verify()) == []
        assert chain.erase(before=NOW - 366 * DAY, now=NOW) == 6
    assert list(chain.verify()) == []


@pytest.mark.bar(66, 68)
def test_bar_68_an_erasure_that_nobody_signed_is_found(old_and_new):
    gone = Seal.objects.filter(position__lte=10)
    last = gone.get(position=10)
    codes = {"until": 10, "head": last.hash, "signature": "0" * 64}
    with as_owner():
        Event.objects.filter(pk__in=gone.values("event")).delete()
        gone.delete()
    log.record(chain.ERASED, None, by=None, now=NOW, codes=codes)
    chain.seal(now=NOW)
    assert chain.Flaw("removed", 1) in list(chain.verify())


@pytest.mark.bar(66, 68)
def test_bar_68_more_than_was_signed_is_found(old_and_new):
    with as_owner():
        chain.erase(before=NOW - 366 * DAY, now=NOW)
        next_link = Seal.objects.order_by("position").first()
        Event.objects.filter(pk=next_link.event).delete()
        next_link.delete()
    assert list(chain.verify())


@pytest.mark.bar(68)
def test_bar_68_only_authorities_with_old_events_get_the_job(
    old_and_new, jobs_at_once, monkeypatch, time_machine
):
    time_machine.move_to(NOW, tick=False)
    asked = []
    monkeypatch.setattr(
        erase_access_log, "apply_async", lambda args, **kw: asked.append(args)
    )
    connection.set_schema_to_public()
    erase_access_log_all()
    assert ("neckartal",) in asked
    from quarano.celery import app

    assert app.conf.task_routes["quarano.tasks.erase_access_log"]["queue"] == "owner"


def test_months_end_where_a_month_is_shorter():
    assert months_before(dt.date(2027, 3, 31), 1) == dt.date(2027, 2, 28)
    assert months_before(dt.date(2026, 1, 15), 12) == dt.date(2025, 1, 15)
    assert months_before(dt.date(2028, 2, 29), 12) == dt.date(2027, 2, 28)


@pytest.mark.bar(68)
def test_bar_68_no_event_holds_a_name_a_diagnosis_or_a_token(authority, time_machine):
    """Every text of every event of a whole story: ids, names of fields, short codes."""
    time_machine.move_to(worlds.NOW, tick=False)
    mark = "CANARYA"
    world = worlds.build(mark)
    connection.set_tenant(authority)
    for user in (world.staff["supervisor"], world.ida.user):
        client = world.client(user)
        for path in ("/", f"/people/{world.ida.pk}/", f"/people/?q={mark}", "/diary/"):
            client.get(path)
    connection.set_tenant(authority)
    values = {str(v) for v in _typed(world) if len(str(v)) > 4} | {world.token, mark}
    texts = [" ".join(map(str, row)) for row in Event.objects.values_list()]
    assert len(texts) > 40
    for text, value in itertools.product(texts, values):
        assert value not in text, value


def _typed(world):
    for person in Person.objects.all():
        yield from (person.given_name, person.family_name, person.street, person.city,
                    person.email, person.mobile, person.remarks)  # fmt: skip
    yield from ("asthma", "cough", "fever_", "39.6")
