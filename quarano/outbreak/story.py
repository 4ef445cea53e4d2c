"""Plays an outbreak, event by event, through the same processes as real life."""

import contextlib
import datetime as dt
import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from django.db import connection
from django_tenants.utils import tenant_context

from cases import (
    calls,
    comments,
    containment,
    enrolment,
    escalation,
    intake,
    on_call,
)
from cases.letters import runs, writing
from cases.models import (
    Case,
    Disease,
    EnrolmentCode,
    Escalation,
    Monitoring,
    OnCallAlarm,
    Order,
    Person,
    Reporter,
)
from diaries import submission
from diaries.models import Entry
from diaries.slots import Slot
from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.accounts.models import User
from quarano.outbreak import chains, choir, jobs
from quarano.outbreak.courses import COURSES
from quarano.outbreak.offices import Office
from quarano.outbreak.personas import NEVER_ARRIVES, PEOPLE, Persona

DAYS = 21
Event = Callable[[dt.datetime], None]


@dataclass
class Story:
    """One authority's outbreak between two moments."""

    authority: HealthAuthority
    office: Office
    began: dt.date  # the first of the three weeks
    since: dt.datetime
    until: dt.datetime
    password: str  # of every citizen who registers
    people: dict[Persona, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.office.schema} {self.since.date()}")  # noqa: S311 - a story
        self.staff = {user.email: user for user in User.objects.exclude(roles=[])}
        self.disease = Disease.objects.get(code="covid-19")

    # --- Who acts -------------------------------------------------------------------

    def one_with(self, role: str) -> User:
        return self.random.choice(
            [
                self.staff[one.email]
                for one in self.office.staff
                if role in one.roles and one.email in self.staff
            ]
        )

    def arrival(self, persona: Persona) -> dt.date:
        return self.began + dt.timedelta(days=DAYS - persona.arrives)

    def person(self, persona: Persona) -> Person | None:
        known = self.people.get(persona)
        if known is None:
            known = Person.objects.filter(
                given_name=persona.given, family_name=persona.family
            ).first()
            if known:
                self.people[persona] = known
        return known

    # --- The events of a day, in order ----------------------------------------------

    def play(self, report: Callable[[dt.datetime], None]) -> None:
        """Play everything between `since` and `until`, telling how far it is."""
        counter = itertools.count()
        with tenant_context(self.authority):
            queue: list[tuple[dt.datetime, int, Event]] = []
            day = self.authority.localdate(self.since)
            while day <= self.authority.localdate(self.until):
                for moment, event in self.events(day):
                    if self.since < moment <= self.until:
                        heapq.heappush(queue, (moment, next(counter), event))
                while queue:
                    moment, _, event = heapq.heappop(queue)
                    clock.hold(moment)
                    event(moment)
                    report(moment)
                day += dt.timedelta(days=1)
        clock.hold(None)

    def at(self, day: dt.date, hour: int, minutes: int = 0) -> dt.datetime:
        start = self.authority.at(day, dt.time(hour))
        return start + dt.timedelta(minutes=minutes)

    def events(self, day: dt.date) -> Iterator[tuple[dt.datetime, Event]]:
        for moment in jobs.MOMENTS:
            yield self.authority.at(day, moment), self.run_jobs
        for number, persona in enumerate(PEOPLE[self.office.schema]):
            shift = (number * 37) % 60
            if self.arrival(persona) == day:
                hour = 7 if persona.arrives == 0 else 9
                yield self.at(day, hour, shift // 2), self.reported(persona)
                if persona.called:
                    yield self.at(day, 10, shift), self.called(persona)
                if persona.registers and not persona.by_phone:
                    # A parent has a login before they keep the child's diary.
                    hour = 17 if persona.parent else 16
                    yield self.at(day, hour, shift), self.enrols(persona)
            if self.arrival(persona) <= day:
                yield (
                    self.at(day, 7, 20 + 2 * shift),
                    self.writes(persona, day, "morning"),
                )
                yield self.at(day, 18, 2 * shift), self.writes(persona, day, "evening")
        yield from choir.plays(self, day)
        yield from chains.plays(self, day)
        yield self.at(day, 13, 30), self.settles
        yield self.at(day, 14, 10), self.decides
        # Neckartal closes in the afternoon, Spreetal at 20:00.
        yield self.at(day, 20, 9), self.takes
        yield self.at(day, 20, 57), self.takes
        yield self.at(day, 15), self.posts

    def run_jobs(self, now: dt.datetime) -> None:
        jobs.run(
            connection.schema_name, nightly=jobs.is_night(now, self.authority.zone)
        )

    # --- What happens to one person -------------------------------------------------

    def reported(self, persona: Persona) -> Event:
        def happen(now: dt.datetime) -> None:
            if self.person(persona):
                return
            by = self.one_with("case_worker")
            monitoring = self.take_up(persona, by=by, now=now)
            if monitoring is None:
                return
            if persona.order:
                containment.issue(monitoring, by=by, now=now)
            mine = Escalation.objects.open().filter(person=monitoring.person_id)
            if not persona.called and self.random.random() < 0.5:
                mine = mine.none()
            escalation.assign(mine, to=by, by=by, now=now)
            if persona.by_phone:
                enrolment.by_phone(monitoring.person, by=by, now=now)
            elif persona.called or persona.arrives:
                channel = "mail" if persona.mail else "sms"
                code, _, token = enrolment.invite(
                    monitoring.person, channel=channel, by=by, now=now
                )
                self.tokens()[code.person_id] = token

        return happen

    def take_up(
        self, persona: Persona, *, by: User, now: dt.datetime
    ) -> Monitoring | None:
        day = self.authority.localdate(now)
        anchor = day - dt.timedelta(days=persona.anchor)
        details: dict[str, Any] = {
            "given_name": persona.given,
            "family_name": persona.family,
            "birth_date": persona.birth_date,
            "email": persona.email if persona.mail else "",
            "mobile": self.mobile(persona) if persona.mobile else "",
            "phone": "" if persona.mobile else self.mobile(persona, landline=True),
            "street": f"{self.street(persona)} {persona.birth_date.day}",
            "postal_code": self.office.postal_codes[0],
            "city": self.office.city,
            "language": persona.language,
            "lives_alone": persona.alone,
        }
        if persona.kind == "contact":
            return intake.open_quarantine(
                intake.PersonDetails(**details),
                disease=self.disease,
                last_exposure=anchor,
                household=persona.household,
                by=by,
                now=now,
            )
        report = intake.Report(
            **details,
            disease=self.disease,
            onset_kind=persona.onset,
            onset=anchor if persona.onset == Case.Onset.DATE else None,
            specimen_date=day - dt.timedelta(days=min(1, persona.anchor)),
            test_kind="pcr",
            reported_at=now - dt.timedelta(hours=1),
            sensitive_setting=persona.setting,
        )
        intake.take_up(report, by=by, now=now)
        person = self.person(persona)
        return person.monitorings.open().first() if person else None

    def mobile(self, persona: Persona, *, landline: bool = False) -> str:
        number = PEOPLE[self.office.schema].index(persona)
        if persona.loses_sms:
            number = int(NEVER_ARRIVES)
        # 0171 39200 … is kept for films; so is 030 23125 ….
        return f"+4930231250{number:02d}" if landline else f"+4917139200{number:02d}"

    def street(self, persona: Persona) -> str:
        return ("Fährgasse", "Lindenweg", "Am Markt", "Schulstraße", "Uferweg")[
            len(persona.slug) % 5
        ]

    def called(self, persona: Persona) -> Event:
        def happen(now: dt.datetime) -> None:
            person = self.person(persona)
            if person is None:
                return
            by = self.one_with("case_worker")
            if self.random.random() < 0.2:
                calls.record_call(
                    person, outcome="no_answer", number=person.telephone, by=by,
                    now=now - dt.timedelta(minutes=25),
                )  # fmt: skip
            calls.record_call(
                person, outcome="reached", number=person.telephone, by=by, now=now,
                note=self.random.choice(NOTES),
            )  # fmt: skip
            monitoring = person.monitorings.open().first()
            order = monitoring and monitoring.orders.issued().first()
            if order:
                containment.serve(
                    order,
                    way="oral",
                    effective_on=self.authority.localdate(now),
                    by=by,
                    now=now,
                )

        return happen

    def enrols(self, persona: Persona) -> Event:
        def happen(now: dt.datetime) -> None:
            person = self.person(persona)
            if person is None or person.user_id:
                return
            monitoring = person.monitorings.open().first()
            if monitoring is None:
                return
            token = self.tokens().pop(person.pk, None)
            code = token and enrolment.look_up_token(token, now=now)
            if not code or not enrolment.confirm_birth_date(
                code, persona.birth_date, now=now
            ):
                return
            user = self.login(persona, code, now=now)
            if user is None:
                return
            enrolment.save_details(person, {}, by=user, now=now)
            course = COURSES[persona.course](persona.anchor, self.random)
            enrolment.save_questionnaire(
                monitoring,
                {
                    "has_symptoms": bool(course.symptoms),
                    "onset": monitoring.anchor_day
                    if monitoring.anchor_kind == "onset"
                    else None,
                    "symptoms": list(course.symptoms),
                    "has_conditions": persona.course == "hard",
                    "conditions": "Asthma" if persona.course == "hard" else "",
                    "is_medical_staff": persona.setting in ("care", "hospital"),
                },
                by=user,
                now=now,
            )
            enrolment.complete(monitoring, by=user, now=now)

        return happen

    def login(
        self, persona: Persona, code: EnrolmentCode, *, now: dt.datetime
    ) -> User | None:
        """Make the person's account, or let the parent's keep the diary as well."""
        if persona.parent:
            user = self.parent(persona)
            if user is not None:
                enrolment.report_for(code, user, kind=Reporter.Kind.CUSTODY, now=now)
            return user
        user = enrolment.register(
            code,
            email=persona.email if persona.mail else f"{persona.slug}@mail.example",
            password=self.password,
            language=persona.language,
            now=now,
        )
        enrolment.acknowledge(user, now=now)
        return user

    def parent(self, persona: Persona) -> User | None:
        for one in PEOPLE[self.office.schema]:
            if one.slug == persona.parent:
                person = self.person(one)
                if person is not None:
                    person.refresh_from_db(fields=["user"])
                    return person.user
        return None

    def tokens(self) -> dict[object, str]:
        """The links that lie in the outbox or were just sent, by person."""
        return LINKS.setdefault(self.office.schema, {})

    def writes(self, persona: Persona, day: dt.date, half: str) -> Event:
        def happen(now: dt.datetime) -> None:
            person = self.person(persona)
            if person is None:
                return
            since = (day - self.arrival(persona)).days
            if persona.stops is not None and since > persona.stops:
                return
            if self.random.random() > persona.habit:
                return
            monitoring = person.monitorings.open().first()
            if monitoring is None or monitoring.anchor_day is None:
                return
            by, via = self.writer(persona, person)
            if by is None:
                return
            # Whoever still writes after the last day reads that nothing is asked for.
            with contextlib.suppress(submission.Refused):
                self.write(persona, person, monitoring, Slot(day, half), by, via, now)

        return happen

    def writer(self, persona: Persona, person: Person) -> tuple[User | None, str]:
        if persona.by_phone:
            return self.one_with("case_worker"), Entry.Via.OFFICIAL
        if persona.parent:
            user = self.parent(persona)
            known = user and user.reports_for.filter(person=person).exists()
            return (user if known else None), Entry.Via.REPRESENTATIVE
        person.refresh_from_db(fields=["user"])
        return person.user, Entry.Via.SELF

    def write(
        self,
        persona: Persona,
        person: Person,
        monitoring: Monitoring,
        slot: Slot,
        by: User,
        via: str,
        now: dt.datetime,
    ) -> None:
        n = (slot.day - self.arrival(persona)).days + persona.anchor
        course = COURSES[persona.course](n, self.random)
        oxygen = course.oxygen
        if slot.half == Entry.Half.EVENING and course.oxygen_evening is not None:
            oxygen = course.oxygen_evening
        submission.submit(
            person,
            slot,
            answers=submission.Answers(
                temperature=Decimal(course.temperature) if course.temperature else None,
                symptoms=course.symptoms,
                fever_medicine=course.medicine,
                oxygen=oxygen,
                note=course.note,
            ),
            by=by,
            via=via,
            now=now,
        )

    def takes(self, now: dt.datetime) -> None:
        """Whoever is on call takes what rings, from the telephone told last."""
        for alarm in OnCallAlarm.objects.open():
            notice = alarm.notices.order_by("-told_at", "telephone").first()
            if notice is not None:
                on_call.take(notice, now=now)

    # --- What officials do at their desks -------------------------------------------

    def settles(self, now: dt.datetime) -> None:
        """Work off what is older than a few hours; leave the last day's as they are."""
        if now > self.until - dt.timedelta(hours=20):
            return
        by = self.one_with("case_worker")
        for one in Escalation.objects.open().filter(reason__in=SETTLED)[:40]:
            if self.random.random() < 0.85:
                outcome, word = SETTLED[Escalation.Reason(one.reason)]
                if one.person:
                    calls.record_call(
                        one.person, outcome="reached", by=by, now=now,
                        number=one.person.telephone,
                    )  # fmt: skip
                # A call that reached the person clears what was only silence.
                if Escalation.objects.open().filter(pk=one.pk).exists():
                    escalation.settle(one, outcome=outcome, word=word, by=by, now=now)
        if self.random.random() < 0.5:
            newest = Person.objects.order_by("-recorded_at").first()
            if newest:
                comments.write(newest, self.random.choice(COMMENTS), by=by, now=now)

    def decides(self, now: dt.datetime) -> None:
        """Decide the endings of the day, but for those who are left undecided."""
        left = {p.family for p in PEOPLE[self.office.schema] if not p.decided}
        today = self.authority.localdate(now)
        by = self.one_with("supervisor")
        ending = Monitoring.objects.open().filter(until=today).select_related("person")
        for monitoring in ending:
            if monitoring.person.family_name in left:
                continue
            symptoms = Escalation.objects.open().filter(
                monitoring=monitoring, reason=Escalation.Reason.ENDS_WITH_SYMPTOMS
            )
            if symptoms.exists() and now < self.until - dt.timedelta(hours=20):
                containment.extend(
                    monitoring,
                    until=today + dt.timedelta(days=2),
                    reasons="Symptoms on the last day.",
                    by=by,
                    now=now,
                )

    def posts(self, now: dt.datetime) -> None:
        """Write the day's orders as letters and post them; the last day's wait."""
        by = self.one_with("case_worker")
        day = dt.timedelta(days=1)
        orders = Order.objects.issued().filter(
            issued_at__gt=now - day, issued_at__lte=now,
            monitoring__person__died_on__isnull=True,
        )  # fmt: skip
        for order in orders.order_by("issued_at", "pk")[:4]:
            writing.write_order(order, by=by, now=now)
        if now + day <= self.until:
            with contextlib.suppress(runs.NothingWaits):
                run = runs.open_run(by=by, now=now)
                runs.note_print(run, by=by, now=now)
                runs.post(run, by=by, now=now + dt.timedelta(minutes=40))
            return
        # Who was invited by mail and never came gets the code on paper.
        silent = Person.objects.filter(
            monitorings__status=Monitoring.Status.OPEN,
            monitorings__enrolment=Monitoring.Enrolment.INVITED,
            died_on__isnull=True,
        )
        for person in silent.order_by("recorded_at", "pk").distinct()[:1]:
            enrolment.invite(person, channel="letter", by=by, now=now)


# Filled from what `invite` returns: the citizen's letter box.
LINKS: dict[str, dict[object, str]] = {}
NOTES = (
    "Knows what to do; shopping is done by a neighbour.",
    "Family informed, thermometer at hand.",
    "Asked about sick pay; sent to the employer's office.",
    "Has a balcony, feels well looked after.",
)
COMMENTS = (
    "Prefers calls after 16:00.",
    "Employer asked for a certificate; explained where it will be.",
    "Neighbour brings food; second number given by phone.",
)
SETTLED = {
    Escalation.Reason.FEVER: ("called", "Drinks enough, family doctor informed."),
    Escalation.Reason.FIRST_SYMPTOM: ("test", "PCR arranged for tomorrow."),
    Escalation.Reason.SUSPICIOUS_SYMPTOM: ("called", "No change needed."),
    Escalation.Reason.WORSENING: ("doctor", "General practitioner visits today."),
    Escalation.Reason.GROUP: ("test", "PCR arranged."),
    Escalation.Reason.EMERGENCY: (
        "doctor",
        "Emergency doctor was there, stays at home.",
    ),
    Escalation.Reason.ONSET_DIFFERS: ("kept", "Cough is chronic."),
    Escalation.Reason.ENTRY_MISSING: ("called", "Had forgotten, enters tonight."),
}
