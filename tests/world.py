"""One of everything in an authority, made through the processes.

With `mark`, every text that anybody can type begins with it, so that a leak is found by
looking for the mark.
"""

import datetime as dt
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from cases import calls, comments, containment, enrolment, escalation, intake
from cases.letters import runs, writing
from cases.models import (
    Disease,
    Escalation,
    Monitoring,
    Person,
    Policy,
    PrintRun,
    Routine,
)
from contacts import events, naming
from contacts.guest_lists import hosts, receiving
from contacts.models import Contact, GuestList
from diaries import submission
from diaries.models import Entry, Symptom
from diaries.slots import Slot
from health_authorities.models import HealthAuthority, current
from quarano.accounts.models import StaffInvitation, User
from quarano.audit.models import Event
from quarano.notifications.models import Message
from quarano.oversight.models import Alarm

# Tuesday, 10:00 in Neckartal and in Spreetal.
NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
DAY = dt.timedelta(days=1)
PASSWORD = "seven quiet rivers run"
ROLES = ("case_worker", "supervisor", "physician", "epidemiologist", "administrator")


@dataclass
class World:
    """What was made, by the names that addresses ask for."""

    authority: HealthAuthority
    staff: dict[str, User]
    ida: Person  # index case, enrolled, with a fever
    kolja: Person  # contact, invited, nothing issued yet
    lena: Person  # another index case with a diary of her own
    token: str
    ids: dict[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> str:
        return self.authority.schema_name

    @property
    def host(self) -> str:
        return f"{self.schema}.localhost"

    def client(self, user: User | None = None, **headers: str) -> Client:
        """A browser on this authority's host, signed in with all factors."""
        with tenant_context(self.authority):
            return client_of(self.host, user, **headers)


def client_of(host: str, user: User | None = None, **headers: str) -> Client:
    client = Client(headers={"host": host, "accept-language": "en", **headers})
    if user is not None:
        client.force_login(user)
        session = client.session
        session["account_authentication_methods_user"] = str(user.pk)
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time()},
            *([{"method": "mfa", "at": time.time(), "type": "totp"}] * user.is_staff),
        ]
        session.save()
    return client


def hire(name: str, *roles: str) -> User:
    email = f"{name.lower()}@{connection.schema_name}.example"
    return User.objects.create_user(
        email=email,
        password=PASSWORD,
        name=name,
        roles=list(roles),
        created_at=NOW,
        language="en",
    )


def build(mark: str = "") -> World:
    """Make the world in the schema that is entered."""
    mark = f"{mark} " if mark else ""
    staff = {role: hire(f"{mark}{role}".replace(" ", "-"), role) for role in ROLES}
    anna = staff["case_worker"]
    ida = index_case(f"{mark}Ida", f"{mark}Sommer", "ida", by=anna, mark=mark)
    lena = index_case(f"{mark}Lena", f"{mark}Winter", "lena", by=anna, mark=mark)
    kolja = contact(f"{mark}Kolja", f"{mark}Brenner", by=anna, mark=mark)
    _code, _spelled, token = enrolment.invite(
        kolja, channel="mail", by=anna, now=NOW - DAY
    )
    for person, email in ((ida, "ida"), (lena, "lena")):
        enrol(person, email, by=anna, mark=mark)
        diary(person, mark=mark)
        person.refresh_from_db()
        assert person.user  # read while we are in this schema
    calls.record_call(
        ida, outcome="no_answer", number="+4930231250", note=f"{mark}call", by=anna,
        now=NOW,
    )  # fmt: skip
    comments.write(ida, f"{mark}comment", by=anna, now=NOW)
    post(ida, by=anna)
    post(lena, by=anna)
    name_contact(ida, mark=mark)
    choir(ida, by=anna, mark=mark)
    settled = Escalation.objects.open().filter(person=ida, reason="worsening").first()
    if settled:
        escalation.settle(
            settled, outcome="called", word=f"{mark}word", by=anna, now=NOW
        )
    return World(current(), staff, ida, kolja, lena, token, ids(ida, lena))


def index_case(given: str, family: str, slug: str, *, by: User, mark: str) -> Person:
    case = intake.take_up(
        intake.Report(
            given_name=given,
            family_name=family,
            birth_date=dt.date(1988, 4, 12 + len(slug)),
            mobile=f"+49171392000{len(slug)}",
            email=f"{slug}@{connection.schema_name}.example",
            street=f"{mark}Uferweg 1",
            postal_code="70001",
            city=f"{mark}Neckarfurt",
            language="en",
            remarks=f"{mark}remarks",
            disease=Disease.objects.get(),
            onset_kind="date",
            onset=TODAY - 4 * DAY,
            specimen_date=TODAY - 3 * DAY,
            test_kind="pcr",
            occupation=f"{mark}baker",
            laboratory=f"{mark}laboratory",
            laboratory_reference=f"L-{slug} {mark}"[:60],
            reported_at=NOW - 3 * DAY,
        ),
        by=by,
        now=NOW - 3 * DAY,
    )
    monitoring = case.monitorings.get()
    order = containment.issue(monitoring, by=by, now=NOW - 3 * DAY)
    containment.serve(
        order, way="oral", effective_on=TODAY - 3 * DAY, by=by, now=NOW - 3 * DAY,
        note=f"{mark}service",
    )  # fmt: skip
    return case.person


def name_contact(person: Person, *, mark: str) -> Contact:
    """Somebody whom the person met yesterday, named by themselves."""
    assert person.user
    return naming.name_contact(
        person,
        naming.ContactDetails(
            given_name=f"{mark}Berta",
            family_name=f"{mark}Ofen",
            mobile="+491713920088",
            hint=f"{mark}baker, red jacket",
        ),
        meetings=[
            naming.Meeting(
                day=TODAY - DAY,
                setting="work",
                distance="near",
                minutes=60,
                masks="none",
                place=f"{mark}bakery",
                remark=f"{mark}remark",
            )
        ],
        by=person.user,
        now=NOW - DAY / 2,
    )


def choir(person: Person, *, by: User, mark: str) -> None:
    """Where the person sang: a guest taken in, one row to be mended, and a host who was
    asked for more."""
    event = events.record(
        events.Details(
            name=f"{mark}Choir",
            kind="culture",
            place=f"{mark}Parish hall",
            starts_at=NOW - 2 * DAY,
            ends_at=NOW - 2 * DAY + DAY / 12,
            distance="near",
            minutes=90,
            masks="none",
            host_name=f"{mark}Choirmaster",
            remark=f"{mark}sang loudly",
        ),
        cases=[person.cases.get()],
        by=by,
        now=NOW,
    )
    rows = receiving.lines(
        f"{mark}Tilda Ton; 0621 7654321\n{mark}Bo Bass; 0171 3920055\n{mark}Nobody; 12"
    )
    guest_list = receiving.receive(event, rows, way="pasted", by=by, now=NOW)
    receiving.take_in(guest_list, by=by, now=NOW, most=1)
    hosts.ask(event, by=by, now=NOW)


def post(person: Person, *, by: User) -> None:
    """The letter of an order, which was in a print run and waits again."""
    order = person.monitorings.get().orders.issued().get()
    letter = writing.write_order(order, by=by, now=NOW)
    run = runs.open_run(by=by, now=NOW, only=[letter.pk])
    runs.put_back(run, by=by, now=NOW)


def contact(given: str, family: str, *, by: User, mark: str) -> Person:
    return intake.open_quarantine(
        intake.PersonDetails(
            given_name=given,
            family_name=family,
            birth_date=dt.date(1994, 9, 30),
            mobile="+491713920077",
            email=f"kolja@{connection.schema_name}.example",
            street=f"{mark}Lindenweg 2",
            city=f"{mark}Neckarfurt",
        ),
        disease=Disease.objects.get(),
        last_exposure=TODAY - 2 * DAY,
        by=by,
        now=NOW - DAY,
    ).person


def enrol(person: Person, slug: str, *, by: User, mark: str) -> None:
    at = NOW - 3 * DAY
    code, _spelled, _token = enrolment.invite(person, channel="none", by=by, now=at)
    assert enrolment.confirm_birth_date(code, person.birth_date, now=at)
    user = enrolment.register(
        code,
        email=f"{slug}@{connection.schema_name}.example",
        password=PASSWORD,
        language="en",
        now=at,
    )
    enrolment.acknowledge(user, now=at)
    enrolment.save_details(person, {}, by=user, now=at)
    monitoring = person.monitorings.get()
    enrolment.save_questionnaire(
        monitoring,
        {
            "has_symptoms": True,
            "onset": TODAY - 4 * DAY,
            "symptoms": ["cough"],
            "doctor": f"{mark}doctor",
            "has_conditions": True,
            "conditions": f"{mark}asthma",
        },
        by=user,
        now=at,
    )
    enrolment.complete(monitoring, by=user, now=at)


def diary(person: Person, *, mark: str) -> None:
    """Three rising entries, the last with a fever; the morning of today is theirs."""
    user = Person.objects.get(pk=person.pk).user
    assert user is not None
    for slot, degrees, at in (
        (Slot(TODAY - DAY, Entry.Half.MORNING), "38.0", NOW - DAY),
        (Slot(TODAY - DAY, Entry.Half.EVENING), "38.8", NOW - DAY / 2),
        (Slot(TODAY, Entry.Half.MORNING), "39.6", NOW),
    ):
        submission.submit(
            person,
            slot,
            answers=submission.Answers(
                temperature=Decimal(degrees),
                symptoms={"cough": 2},
                note=f"{mark}note",
            ),
            by=user,
            via=Entry.Via.SELF,
            now=at,
        )


def ids(ida: Person, lena: Person) -> dict[str, Any]:
    monitoring = Monitoring.objects.get(person=ida)
    assert monitoring.case is not None
    named = Contact.objects.get(met=ida)
    gathering = monitoring.case.events.first()
    return {
        "person": ida.pk,
        "print_run": PrintRun.objects.get(letters__person=ida).pk,
        "letter": Message.objects.get(channel="letter", about=ida.pk).pk,
        "other_person": lena.pk,
        "contact": named.pk,
        "gathering": gathering.pk if gathering else None,
        "guest_list": GuestList.objects.get(way="pasted").pk,
        "host_link": GuestList.objects.get(way="host").pk,
        "exposure": named.exposures.get().pk,
        "case": monitoring.case.pk,
        "monitoring": monitoring.pk,
        "order": monitoring.orders.issued().get().pk,
        "escalation": Escalation.objects.open().filter(person=ida).first().pk,
        "policy": Policy.objects.get().pk,
        "routine": Routine.objects.get().pk,
        "symptom": Symptom.objects.order_by("position").first().pk,
        "user": User.objects.exclude(roles=[]).order_by("pk").first().pk,
        "staffinvitation": StaffInvitation.objects.order_by("email").first().pk,
        "alarm": alarm().pk,
        "event": Event.objects.order_by("at", "pk").first().pk,
    }


def alarm() -> Alarm:
    """An open alarm about the case worker."""
    anna = User.objects.get(roles=["case_worker"])
    return Alarm.objects.get_or_create(
        rule=Alarm.Rule.MASS, actor=anna.pk, occasion=TODAY.isoformat(),
        defaults={"facts": {"people": 60, "hours": 1}, "happened_at": NOW - DAY,
                  "raised_at": NOW - DAY},
    )[0]  # fmt: skip


def arguments(route: str, ids: dict[str, Any], token: str) -> dict[str, Any]:
    """Return what the address of a route asks for. Raises KeyError for a new kind."""
    found: dict[str, Any] = {}
    if "<uuid:person>" in route:
        found["person"] = ids["person"]
    if "<slot:slot>" in route:
        found["slot"] = Slot(TODAY, Entry.Half.MORNING)
    if "<uuid:pk>" in route:
        found["pk"] = ids[kind_of(route)]
    if "<path:object_id>" in route:
        found["object_id"] = ids[route.split("/")[2]]
    if "<slug:text>" in route:
        found["text"] = "cases-invitation-sms-de"
    if "<str:token>" in route:
        found["token"] = token
    if "uidb36" in route:
        found |= {"uidb36": "abc", "key": "set-password"}
    return found


def kind_of(route: str) -> str:
    """Whose id an address asks for."""
    for part, kind in (
        ("letters/runs/<", "print_run"),
        ("letters/<", "letter"),
        ("escalations/<", "escalation"),
        ("alarms/<", "alarm"),
        ("monitorings/<", "monitoring"),
        ("orders/<", "order"),
        ("people/<", "person"),
        ("panel/<", "person"),
        ("guest-lists/<", "guest_list"),
        ("host-links/<", "host_link"),
        ("events/<", "gathering"),
        ("contacts/<", "contact"),
        ("exposures/<", "exposure"),
        ("file/<", "person"),
        ("cases/<", "case"),
    ):
        if part in route:
            return kind
    raise KeyError(route)


def unknown_ids(ids: dict[str, Any]) -> dict[str, Any]:
    """The same kinds of ids, belonging to nobody."""
    return {
        kind: UUID(int=7) if isinstance(pk, UUID) else "nothing"
        for kind, pk in ids.items()
    }


def routes(conf: str) -> list[tuple[str, str, Any]]:
    """Return path, name and view of every address of an URLconf."""
    from importlib import import_module

    from django.urls import URLPattern, URLResolver

    def walk(patterns: Any, prefix: str, names: tuple[str, ...]) -> Any:
        for one in patterns:
            path = prefix + str(one.pattern)
            if isinstance(one, URLResolver):
                inner = (*names, one.namespace) if one.namespace else names
                yield from walk(one.url_patterns, path, inner)
            elif isinstance(one, URLPattern) and one.name:
                yield path, ":".join([*names, one.name]), one.callback

    return list(walk(import_module(conf).urlpatterns, "", ()))
