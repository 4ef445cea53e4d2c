"""Looks through what officials read lately and raises alarms; tells who must look."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q

from cases.due_times import routine_on
from cases.models import Escalation, Monitoring, Person
from cases.search import fold
from health_authorities.models import current
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.accounts.receivers import ENDED_ACCOUNT
from quarano.audit import log
from quarano.audit.models import Event
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications import outbox
from quarano.oversight import rules
from quarano.oversight.models import Alarm
from quarano.oversight.rules import Finding, Reading

PERMISSION = "oversight.alarms"
# A minute's look goes back so far, the night's one over all that may have been missed.
LATELY = dt.timedelta(minutes=10)
LONG = dt.timedelta(days=2)
# Work on a person explains a reading that lies so near.
NEAR = dt.timedelta(hours=1)
READ = (".opened", ".viewed")
SEARCH = "search.viewed"
LISTS = ("worklist.viewed", "search.viewed", "clocks.viewed")
EXPORT = (".exported", ".printed")


class OwnAlarm(Exception):
    """Nobody settles an alarm about themselves."""


class SettledAlready(Exception):
    """Somebody else has looked into it."""


def recent_query(schema: str, since: dt.datetime) -> tuple[str, list[object]]:
    """SQL that finds a step of an official in that schema since then."""
    sql = (
        f'SELECT 1 FROM "{schema}".audit_event '  # noqa: S608 - a schema's name
        "WHERE at > %s AND actor_kind = 'staff'"
    )
    return sql, [since]


def look(*, now: dt.datetime, since: dt.datetime) -> list[Alarm]:
    """Raise an alarm for what is unusual since then; return the new ones.

    Of whoever did something since then, a whole day before it counts too.
    """
    authority = current()
    routine = routine_on(authority.localdate(now))
    made = _second_accounts(since=since, now=now)
    steps = _events(since)
    officials = User.objects.in_bulk(list(steps))
    around = _Around.of(steps, officials.values())
    supervisors = _holders("cases.supervise")
    for actor, events in steps.items():
        readings = around.readings(officials.get(actor), actor, events)
        for finding in rules.findings(
            readings,
            routine,
            zone=authority.zone,
            supervises=actor in supervisors,
        ):
            alarm = raise_alarm(actor, finding=finding, by=None, now=now)
            made += [alarm] if alarm else []
    return made


def _second_accounts(*, since: dt.datetime, now: dt.datetime) -> list[Alarm]:
    """Raise an alarm for whoever invited an account like the own one since then.

    Like: the same name, or the same e-mail address before the @. Four eyes are two
    people's; a second account of one's own would be both.
    """
    made = []
    lately = StaffInvitation.objects.filter(invited_at__gt=since)
    for one in lately.exclude(invited_by=None).select_related("invited_by"):
        inviter = one.invited_by
        assert inviter is not None
        mailbox = (inviter.email or "").partition("@")[0].partition("+")[0]
        is_like = (
            fold(one.name) == fold(inviter.name)
            or mailbox == (one.email.partition("@")[0].partition("+")[0])
        )
        # Whoever is renewed is the same official, by another's hand.
        if is_like and one.email != inviter.email:
            finding = Finding(Alarm.Rule.SECOND, str(one.pk), one.invited_at)
            alarm = raise_alarm(inviter.pk, finding=finding, by=None, now=now)
            made += [alarm] if alarm else []
    return made


def _events(since: dt.datetime) -> dict[UUID, list[Event]]:
    """What each official who did something since then did, a day before included."""
    staff = Event.objects.filter(actor_kind=Event.Actor.STAFF, actor__isnull=False)
    lately = staff.filter(at__gt=since).values_list("actor", flat=True)
    events = (
        staff.filter(at__gt=since - rules.DAY, actor__in=set(lately))
        .filter(
            Q(person__isnull=False)
            | Q(verb=SEARCH)
            | Q(verb__in=LISTS)
            | Q(verb__endswith=EXPORT[0])
            | Q(verb__endswith=EXPORT[1])
            | Q(verb="login.failed", codes__step=ENDED_ACCOUNT)
        )
        .only("at", "actor", "verb", "person", "shown", "codes")
        .order_by("at", "pk")
    )
    found: dict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        assert event.actor is not None
        found[event.actor].append(event)
    return found


@dataclass
class _Around:
    """What is known of the people read and of the officials who read them."""

    people: dict[UUID, Person]
    own: dict[UUID, Person]  # the official's own file, where there is one
    cared_by: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    waits: dict[UUID, list[Escalation]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(cls, steps: dict[UUID, list[Event]], officials: Iterable[User]) -> "_Around":
        keys = {e.person for events in steps.values() for e in events if e.person}
        columns = (
            "given_name", "family_name", "phone", "mobile", "email", "street",
            "postal_code",
        )  # fmt: skip
        around = cls(Person.objects.only(*columns).in_bulk(keys), _own_files(officials))
        cared = Monitoring.objects.open().filter(
            person__in=keys, assigned_to__isnull=False
        )
        for person, official in cared.values_list("person_id", "assigned_to_id"):
            around.cared_by[person].add(official)
        waiting = Escalation.objects.filter(person__in=keys).only(
            "person_id", "raised_at", "settled_at", "assigned_to_id"
        )
        for one in waiting:
            assert one.person_id is not None
            around.waits[one.person_id].append(one)
        return around

    def readings(
        self, official: User | None, actor: UUID, events: list[Event]
    ) -> list[Reading]:
        worked: dict[UUID, list[dt.datetime]] = defaultdict(list)
        for event in events:
            if event.person and not event.verb.endswith((*READ, *EXPORT)):
                worked[event.person].append(event.at)
        found = []
        for event in events:
            kind = _kind(event)
            if event.verb in LISTS:
                listed = Reading.Kind.LISTED
                found += [Reading(event.at, listed, pk) for pk in event.shown]
            if kind == Reading.Kind.OPENED and event.person in self.people:
                times = worked[event.person]
                found.append(self._opening(official, actor, event, times))
            elif kind:
                found.append(Reading(event.at, kind, event.person))
        return found

    def _opening(
        self, official: User | None, actor: UUID, event: Event, times: list[dt.datetime]
    ) -> Reading:
        assert event.person is not None
        person = self.people[event.person]
        caring = self.cared_by[person.pk]
        house = rules.house_of(person.street, person.postal_code)
        return Reading(
            event.at,
            Reading.Kind.OPENED,
            person.pk,
            is_own=official is not None
            and (_is_same(official, person) or self._at_home(official, person)),
            shares_name=official is not None and _shares_name(official, person),
            has_reason=actor in caring
            or any(abs(at - event.at) <= NEAR for at in times)
            or any(_waited(one, actor, event.at) for one in self.waits[person.pk]),
            is_of_others=bool(caring) and actor not in caring,
            street=rules.street_of(person.street, person.postal_code),
            house=house,
        )

    def _at_home(self, official: User, person: Person) -> bool:
        own = self.own.get(official.pk)
        home = rules.house_of(own.street, own.postal_code) if own else ""
        return bool(home) and home == rules.house_of(person.street, person.postal_code)


def _kind(event: Event) -> str:
    if event.verb == SEARCH:
        return Reading.Kind.SEARCHED if event.codes.get("words") else ""
    if event.verb.endswith(EXPORT):
        return Reading.Kind.EXPORTED
    if event.verb == "login.failed":
        return Reading.Kind.REFUSED
    if event.verb.endswith(READ) and not event.verb.startswith("audit."):
        return Reading.Kind.OPENED
    return ""


def _waited(one: Escalation, actor: UUID, at: dt.datetime) -> bool:
    """Whether it stood on the worklist for this official, or for anybody, then."""
    is_theirs = one.assigned_to_id in {None, actor}
    still = one.settled_at is None or one.settled_at >= at
    return is_theirs and one.raised_at <= at and still


def _is_same(official: User, person: Person) -> bool:
    """Whether this is the official, or somebody with their mail box or telephone."""
    numbers = {str(one) for one in (person.phone, person.mobile) if one}
    return (
        bool(official.email and official.email == person.email.lower())
        or bool(official.mobile and str(official.mobile) in numbers)
        or fold(official.name) == fold(person.name)
    )


def _shares_name(official: User, person: Person) -> bool:
    """Whether a family name is the same, of double ones either half."""
    words = fold(official.name).split()
    family = set(fold(person.family_name).split())
    return len(words) > 1 and bool(set(words[1:]) & family)


def _own_files(officials: Iterable[User]) -> dict[UUID, Person]:
    """The officials' own files, found by e-mail or number, for where they live."""
    by_mail = {one.email: one.pk for one in officials if one.email}
    by_number = {str(one.mobile): one.pk for one in officials if one.mobile}
    people = Person.objects.filter(
        Q(email__in=list(by_mail))
        | Q(mobile__in=list(by_number))
        | Q(phone__in=list(by_number))
    ).exclude(street="")
    found = {}
    for person in people:
        numbers = [str(one) for one in (person.mobile, person.phone) if one]
        key = by_mail.get(person.email)
        key = key or next((by_number[n] for n in numbers if n in by_number), None)
        if key is not None:
            found[key] = person
    return found


@retrying_transaction(repeatable=True)
def raise_alarm(
    actor: UUID, *, finding: Finding, by: User | None, now: dt.datetime
) -> Alarm | None:
    """Raise it and tell who must look, never the official concerned; None: known."""
    known = Alarm.objects.filter(
        rule=finding.rule, actor=actor, occasion=finding.occasion
    )
    if known.exists():
        return None
    alarm = Alarm.objects.create(
        rule=finding.rule,
        actor=actor,
        occasion=finding.occasion,
        person=finding.person,
        facts=finding.facts,
        happened_at=finding.at,
        raised_at=now,
    )
    codes = {"rule": finding.rule, "official": str(actor), **finding.facts}
    log.record("alarm.raised", alarm, by=by, now=now, codes=codes)
    for user in _watchers(actor, now=now):
        outbox.write(
            f"alarm:{alarm.pk}:{user.pk}",
            template="oversight/messages/alarm",
            channel="mail",
            recipient=user.email or "",
            language=user.language or current().default_language,
            now=now,
            parameters={"path": "/oversight/alarms/"},
        )
    return alarm


def _holders(permission: str) -> set[UUID]:
    """Officials whose roles have the permission."""
    roles = Role.objects.filter(permissions__contains=[permission])
    codes = list(roles.values_list("code", flat=True))
    users = User.objects.filter(is_active=True, roles__overlap=codes)
    return set(users.values_list("pk", flat=True))


def _watchers(actor: UUID, *, now: dt.datetime) -> list[User]:
    users = User.objects.filter(pk__in=_holders(PERMISSION) - {actor})
    today = current().localdate(now)
    reached = users.exclude(email=None).order_by("pk")
    return [one for one in reached if not one.is_over(today)]


@retrying_transaction
def settle(
    alarm: Alarm, *, outcome: str, word: str, by: User, now: dt.datetime
) -> Alarm:
    """Note what came of it; raises OwnAlarm and SettledAlready."""
    locked = Alarm.objects.select_for_update().get(pk=alarm.pk)
    if locked.actor == by.pk:
        raise OwnAlarm
    if locked.settled_at is not None:
        raise SettledAlready
    locked.settled_at, locked.settled_by = now, by.pk
    locked.outcome, locked.word = outcome, word
    locked.save(update_fields=["settled_at", "settled_by", "outcome", "word"])
    log.record("alarm.settled", locked, by=by, now=now, codes={"outcome": outcome})
    return locked


@retrying_transaction(repeatable=True)
def forget(*, before: dt.datetime) -> int:
    """Erase settled alarms that are as old as the events they rest on; how many."""
    old = Alarm.objects.filter(raised_at__lt=before, settled_at__isnull=False)
    return old.delete()[0]


def names_of(keys: Collection[UUID]) -> dict[UUID, str]:
    """The names of officials; a deleted account is missing."""
    staff = User.objects.filter(pk__in=set(keys)).exclude(roles=[])
    return dict(staff.values_list("pk", "name"))
