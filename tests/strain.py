"""Many at once, and lines that break: what processes did, and what of it was lost.

Each scene works in an authority of its own with committed rows, on any database, and
returns an account that says in words what it did. `tests/longer` plays them in full.
"""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection, connections

from cases import comments, history, intake
from cases.models import (
    Case,
    Comment,
    Disease,
    Escalation,
    Monitoring,
    Person,
    Revision,
)
from diaries import submission
from diaries.models import Entry
from diaries.slots import MORNING, Slot
from health_authorities.models import HealthAuthority
from quarano import founding
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.cockroach import transactions
from tests import line as lines
from tests.world import DAY, NOW, TODAY

ENOUGH = 400.0  # seconds after which a scene stops waiting for its threads


@dataclass
class Account:
    """What a scene did; everything that must be none is counted here."""

    did: str
    lost: int = 0
    doubled: int = 0
    errors: list[BaseException] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = Counter(type(one).__name__ for one in self.errors)
        return (
            f"{self.did}; {self.lost} lost, {self.doubled} doubled, "
            f"errors {dict(kinds) or 'none'}"
        )

    def holds(self) -> None:
        """Assert that nothing was lost or doubled, and that nobody met an error."""
        print(self)  # noqa: T201 - the account is what one reads of a scene
        assert not self.errors, self.errors[0]
        assert not self.lost, str(self)
        assert not self.doubled, str(self)


def furnish(place: HealthAuthority) -> User:
    """What every authority is founded with, and an official."""
    founding._fill(place, now=NOW - 30 * DAY)
    return User.objects.create_user(
        email="anna@place.example", name="Anna", roles=["case_worker"], created_at=NOW
    )


def followed(count: int, *, own: User | None = None) -> list[Person]:
    """So many people in quarantine whose diary is open."""
    disease = Disease.objects.get()
    people = Person.objects.bulk_create(
        Person(given_name=f"K{number}", family_name="Busch", recorded_at=NOW, user=own)
        for number in range(count)
    )
    Monitoring.objects.bulk_create(
        Monitoring(
            person=person, disease=disease, kind="quarantine", start=TODAY - 2 * DAY,
            opened_at=NOW - 2 * DAY, reported_at=NOW - 2 * DAY, enrolment="enrolled",
        )
        for person in people
    )  # fmt: skip
    return people


def together(
    place: HealthAuthority, work: Callable[[int], None], threads: int
) -> list[BaseException]:
    """Run work(number) in threads that start at once; the errors they ended in."""
    errors: list[BaseException] = []
    start = threading.Barrier(threads)

    def one(number: int) -> None:
        try:
            connection.set_tenant(place)
            start.wait(60)
            work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the account
            errors.append(error)
        finally:
            connection.close()

    running = [
        threading.Thread(target=one, args=[number], daemon=True)
        for number in range(threads)
    ]
    for thread in running:
        thread.start()
    until = time.monotonic() + ENOUGH
    for thread in running:
        thread.join(max(0.1, until - time.monotonic()))
        if thread.is_alive():
            errors.append(TimeoutError(f"not within {ENOUGH:.0f} s"))
    return errors


# --- Many writers on few cases --------------------------------------------------------


def many_changes(
    place: HealthAuthority, *, writers: int, changes: int, cases: int = 1
) -> Account:
    """Officials write a word each into the same field, each from the version that it
    saw; who comes second reads again, as the page of a conflict asks."""
    anna, disease = furnish(place), Disease.objects.get()
    keys = [
        Case.objects.create(
            person=person, disease=disease, occupation="none", reported_at=NOW,
            recorded_at=NOW,
        ).pk
        for person in followed(cases)
    ]  # fmt: skip
    met: Counter[str] = Counter()
    began = time.monotonic()

    def work(number: int) -> None:
        chance = random.Random(number)
        for count in range(changes):
            key = chance.choice(keys)
            while not _rewrite(key, f"{number}-{count}", anna, met):
                pass

    errors = together(place, work, writers)
    took = time.monotonic() - began
    wanted = writers * changes
    steps: dict[object, list[tuple[str, str]]] = {key: [] for key in keys}
    for one in Revision.objects.filter(verb="case.revised"):
        steps[one.subject].append(tuple(json.loads(one.changes)["occupation"]))
    written = sum(len(one) for one in steps.values())
    versions = sum(Case.objects.values_list("version", flat=True)) - len(keys)
    events = Event.objects.filter(verb="case.revised").count()
    # Two that began from the same word: the second was blind to the first.
    blind = sum(len(one) - len({before for before, _ in one}) for one in steps.values())
    return Account(
        f"{writers} writers × {changes} changes on {cases} case(s) in {took:.0f} s: "
        f"{written} revisions, {versions} versions and {events} events of {wanted}; "
        f"{met['conflict']} conflicts shown, {met['later']} asked to try again later",
        lost=max(0, wanted - min(written, versions, events)) + blind,
        doubled=max(0, max(written, versions, events) - wanted),
        errors=errors,
    )


def _rewrite(key: object, word: str, anna: User, met: Counter[str]) -> bool:
    case = Case.objects.get(pk=key)
    try:
        intake.revise_case(
            case, {"occupation": word}, by=anna, now=NOW, version=case.version
        )
    except history.ChangedMeanwhile:
        met["conflict"] += 1
        return False
    except Exception as error:
        if not transactions.is_unavailable(error):
            raise
        met["later"] += 1
        return False
    return True


# --- The same, sent many times --------------------------------------------------------


def identical_posts(place: HealthAuthority, *, people: int, posts: int) -> Account:
    """For each person the same entry many times at once; all are told it is there."""
    furnish(place)
    answered: Counter[object] = Counter()
    errors: list[BaseException] = []
    citizen = User.objects.create_user(
        email="k@place.example", name="Kolja", created_at=NOW
    )
    everybody = followed(people)
    for person in everybody:

        def send(_number: int, person: Person = person) -> None:
            entry = _enter(person, by=citizen)
            answered[entry.pk] += 1

        errors += together(place, send, posts)
    entries = Counter(Entry.objects.values_list("person", flat=True))
    events = Event.objects.filter(verb="entry.submitted").count()
    wanted = people * posts
    return Account(
        f"{people} × {posts} identical posts at once: {len(entries)} entries, {events} "
        f"events, {sum(answered.values())} answered with the entry",
        lost=people - len(entries) + wanted - sum(answered.values()),
        doubled=sum(entries.values()) - len(entries) + max(0, events - people),
        errors=errors,
    )


def _enter(person: Person, *, by: User, degrees: str = "38.4") -> Entry:
    return submission.submit(
        person,
        Slot(TODAY, MORNING),
        answers=submission.Answers(
            temperature=Decimal(degrees), symptoms={"cough": 1}, note="n"
        ),
        by=by,
        via="self",
        now=NOW,
    )


# --- Cut at COMMIT --------------------------------------------------------------------


@contextlib.contextmanager
def through(line: lines.Line, folder: str) -> Iterator[None]:
    """Let this process reach its database by the line."""
    both = (connection.settings_dict, connections.settings["default"])
    before = [(one.get("HOST"), one.get("PORT")) for one in both]
    connection.close()
    for one in both:
        one["HOST"], one["PORT"] = folder, ""
    try:
        yield
    finally:
        connection.close()
        for one, (host, port) in zip(both, before, strict=True):
            one["HOST"], one["PORT"] = host, port


def commits_cut(place: HealthAuthority, line: lines.Line, *, cuts: int) -> Account:
    """Cut the line at COMMIT so many times, half of them under diary entries, which may
    be repeated, half under comments, which may not."""
    anna = furnish(place)
    first, *everybody = followed(cuts + 1)
    _enter(first, by=anna)  # undisturbed, as the measure of what an entry leaves
    usual = _left(first)
    hows: list[str] = []  # what is still to be done at the next COMMIT

    def at_commit() -> str | None:
        return hows.pop() if hows else None

    acknowledged: dict[str, set[object]] = {"entry": set(), "comment": set()}
    errors: list[BaseException] = []
    line.at_commit = at_commit
    refused, longest = 0, 0.0
    for number, person in enumerate(everybody):
        kind = "comment" if number % 2 else "entry"
        hows[:] = [(lines.BEFORE, lines.AFTER, lines.MEANWHILE)[number // 2 % 3]]
        began = time.monotonic()
        try:
            if kind == "entry":
                _enter(person, by=anna)
            else:
                comments.write(person, "Rang.", by=anna, now=NOW)
            acknowledged[kind].add(person.pk)
        except Exception as error:  # noqa: BLE001 - sorted here
            # A page says 503 to that; whoever wrote it looks and tries again.
            if kind == "entry" or not transactions.is_unavailable(error):
                errors.append(error)
            refused += 1
        longest = max(longest, time.monotonic() - began)
    line.at_commit = lambda: None
    time.sleep(0.3)  # what was sent and unheard is committed by then
    connection.close()
    connection.set_tenant(place)
    lost = doubled = unheard = 0
    for number, person in enumerate(everybody):
        left = _left(person)
        if number % 2 == 0:
            lost += sum((usual - left).values())
            doubled += sum((left - usual).values())
            continue
        times = left["comment.written"]
        lost += person.pk in acknowledged["comment"] and times == 0
        unheard += person.pk not in acknowledged["comment"] and times > 0
        doubled += max(0, times - 1) + abs(times - left["Comment"])
    done = {how: line.done[how] for how in (lines.BEFORE, lines.AFTER, lines.MEANWHILE)}
    return Account(
        f"{cuts} cuts at COMMIT {done}: {len(acknowledged['entry'])} entries repeated "
        f"and acknowledged, {refused} comments refused as unavailable, {unheard} of "
        f"them committed all the same; longest {longest:.1f} s",
        lost=lost,
        doubled=doubled,
        errors=errors,
    )


def _left(person: Person) -> Counter[str]:
    """What an entry or a comment left of a person: rows, escalations, events."""
    events = Event.objects.filter(person=person.pk)
    found = Counter(events.values_list("verb", flat=True))
    found["Entry"] = person.entries.count()
    found["Comment"] = Comment.objects.filter(person=person).count()
    reasons = Escalation.objects.filter(person=person).values_list("reason", flat=True)
    return found + Counter(f"{one} raised" for one in reasons)
