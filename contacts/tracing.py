"""What follows from an exposure: accepted by an official, weighed against the
infectious period, resting under one quarantine; and weighed again when facts change.

Nothing is ordered here: the end is proposed, an official issues it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, QuerySet
from django.utils.translation import gettext_lazy as _

from cases import containment, enrolment, escalation, history, intake
from cases.arithmetic import Immune, Sum
from cases.models import (
    Case,
    Disease,
    Escalation,
    Immunity,
    Monitoring,
    Order,
    Person,
    Policy,
)
from contacts.models import CHANGED, Contact, Exposure, SourceLink
from contacts.weighing import Circumstances, Fact, Weighed, weigh
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

Reason = Escalation.Reason
State = Contact.State
Kind = Monitoring.Kind


class Held(containment.Refused):
    message = _(
        "This contact is held: whom they met is no case. Nobody is told or followed."
    )


class Dismissed(containment.Refused):
    message = _("This contact was dismissed.")


class Nameless(containment.Refused):
    message = _("A name is needed to follow somebody.")


class LinkedElsewhere(containment.Refused):
    message = _("This contact is linked to another person already.")


class NamedAlready(containment.Refused):
    message = _("The case has named this person already.")


class WhyNeeded(containment.Refused):
    field = "why"
    message = _("Please say why.")


# --- Looking at what was named --------------------------------------------------------


def ask_to_look(exposure: Exposure, *, now: dt.datetime, by: User | None) -> None:
    """Raise what an official must look at after a citizen's word: contacts of a case
    that were named or changed; that somebody in quarantine met somebody."""
    case = exposure.case
    if case is not None:
        escalation.raise_(
            case,
            Reason.CONTACTS_NAMED,
            occasion=f"{exposure.pk}:{exposure.version}",
            facts=_to_look_at(case),
            now=now,
        )
        return
    running = quarantine_of(exposure.met)
    if running is not None and exposure.day >= running.start:
        escalation.raise_(
            running,
            Reason.MET_IN_QUARANTINE,
            occasion=str(exposure.pk),
            facts={"day": exposure.day.isoformat()},
            now=now,
        )


def _to_look_at(case: Case) -> dict[str, int]:
    """How much an official has not looked at; the facts of the escalation."""
    waiting = case.exposures.waiting().filter(contact__dismissed_at__isnull=True)
    return {
        "waiting": waiting.count(),
        "urgent": waiting.filter(contact__urgent=True).count(),
        "changed": Contact.objects.standing().of(case).filter(CHANGED).count(),
    }


def _looked_at(cases: Iterable[Case], *, now: dt.datetime) -> None:
    """Let the escalation of a case go where nothing is left to look at."""
    for case in cases:
        left = _to_look_at(case)
        if not left["waiting"] and not left["changed"]:
            escalation.clear(case, [Reason.CONTACTS_NAMED], now=now)


def quarantine_of(person: Person) -> Monitoring | None:
    """Return the quarantine that a person is in, with its disease."""
    spans = person.monitorings.open().filter(kind=Kind.QUARANTINE)
    return spans.select_related("disease").first()


@retrying_transaction(repeatable=True)
def accept(
    exposures: Iterable[Exposure], *, by: User, now: dt.datetime
) -> list[Exposure]:
    """Accept what was named: from now on it counts, and the contact may be told.

    Held, withdrawn and accepted ones are left; returns what was accepted.
    """
    keys = [one.pk for one in exposures]
    waiting = (
        Exposure.objects.waiting()
        .select_for_update(of=("self",))
        .select_related("case")
        .filter(pk__in=keys, contact__dismissed_at__isnull=True)
        .order_by("pk")
    )
    found = list(waiting)
    for exposure in found:
        exposure.accepted_at, exposure.accepted_by = now, by
    Exposure.objects.filter(pk__in=[one.pk for one in found]).update(
        accepted_at=now, accepted_by=by
    )
    for exposure in found:
        audit.record(
            "exposure.accepted", exposure, by=by, now=now, person=exposure.met_id
        )
    contacts = Contact.objects.filter(pk__in={one.contact_id for one in found})
    contacts.filter(state=State.NAMED).update(state=State.ACCEPTED)
    contacts.update(reviewed_at=now, reviewed_by=by)
    weigh_contacts(contacts, by=by, now=now)
    _looked_at({one.case for one in found if one.case is not None}, now=now)
    return found


@retrying_transaction
def review(contact: Contact, *, by: User, now: dt.datetime) -> Contact:
    """Note that an official has looked at what the citizen changed."""
    contact = history.locked(contact)
    contact.reviewed_at, contact.reviewed_by = now, by
    contact.save(update_fields=["reviewed_at", "reviewed_by"])
    audit.record("contact.reviewed", contact, by=by, now=now, person=about(contact))
    _looked_at(_cases_of(contact), now=now)
    return contact


@retrying_transaction(repeatable=True)
def dismiss(contact: Contact, *, why: str, by: User, now: dt.datetime) -> Contact:
    """Say that somebody is no contact after all; what rests on it is weighed again.

    Raises WhyNeeded.
    """
    if not why.strip():
        raise WhyNeeded
    contact = history.locked(contact)
    if contact.dismissed_at is None:
        contact.dismissed_at, contact.dismissed_by = now, by
        contact.dismissed_why = why
        contact.version += 1
        contact.save(
            update_fields=["dismissed_at", "dismissed_by", "dismissed_why", "version"]
        )
        audit.record(
            "contact.dismissed", contact, by=by, now=now, person=about(contact)
        )
        weigh_contact(contact, by=by, now=now)
        _looked_at(_cases_of(contact), now=now)
    return contact


@retrying_transaction(repeatable=True)
def bring_back(contact: Contact, *, by: User, now: dt.datetime) -> Contact:
    """Take a dismissal back. Raises NamedAlready where the case has named the same
    person again meanwhile."""
    contact = history.locked(contact)
    if contact.dismissed_at is None:
        return contact
    if contact.person is not None:
        _check_once(contact, contact.person)
    contact.dismissed_at = contact.dismissed_by = None
    contact.dismissed_why = ""
    contact.version += 1
    contact.save(
        update_fields=["dismissed_at", "dismissed_by", "dismissed_why", "version"]
    )
    audit.record("contact.restored", contact, by=by, now=now, person=about(contact))
    weigh_contact(contact, by=by, now=now)
    return contact


@retrying_transaction(repeatable=True)
def tell(contact: Contact, *, by: User, now: dt.datetime) -> Contact:
    """Note that a contact was told by word of mouth; raises Held, Dismissed.

    Telling is an official's step: it accepts what waits.
    """
    contact = _locked_ready(contact)
    accept(contact.exposures.all(), by=by, now=now)
    contact.refresh_from_db()
    if contact.told_at is None:
        contact.told_at, contact.told_by = now, by
        if contact.state == State.ACCEPTED:
            contact.state = State.TOLD
        contact.version += 1
        contact.save(update_fields=["told_at", "told_by", "state", "version"])
        audit.record("contact.told", contact, by=by, now=now, person=about(contact))
    return contact


def _locked_ready(contact: Contact) -> Contact:
    contact = history.locked(contact)
    if contact.state == State.HELD:
        raise Held
    if contact.dismissed_at is not None:
        raise Dismissed
    return contact


def about(contact: Contact) -> UUID | None:
    """Whose file's history tells of a contact: of whom they met, else their own."""
    return contact.met_id or contact.person_id


def _cases_of(contact: Contact) -> list[Case]:
    found = Case.objects.filter(exposures__contact=contact)
    own = [contact.case] if contact.case is not None else []
    return list({case.pk: case for case in [*own, *found]}.values())


# --- Weighing -------------------------------------------------------------------------


def facts_of(exposures: Iterable[Exposure]) -> list[Fact]:
    """Return exposures to cases, with `case` read, as weighing takes them."""
    return [
        Fact(
            key=one.pk,
            day=one.day,
            setting=one.setting,
            distance=one.distance,
            minutes=one.minutes,
            masks=one.masks,
            onset=one.case.onset,
            specimen=one.case.specimen_date,
            infectious_until=one.case.infectious_until,
            is_discarded=one.case.classification == Case.Classification.DISCARDED,
        )
        for one in exposures
        if one.case is not None
    ]


def standing_exposures(contacts: Iterable[Contact]) -> "QuerySet[Exposure]":
    """Return the exposures of these contacts that nobody withdrew or dismissed."""
    return (
        Exposure.objects.standing()
        .filter(contact__in=list(contacts), contact__dismissed_at__isnull=True)
        .select_related("case", "contact")
        .order_by("day", "pk")
    )


def circumstances(
    person: Person, contacts: Iterable[Contact], *, disease: Disease
) -> Circumstances:
    """Return what is known of somebody who was exposed."""
    seen = person.immunities.filter(disease=disease, proof_seen_at__isnull=False)
    last = person.last_counting_symptom_at
    return Circumstances(
        is_vulnerable=any(one.is_vulnerable for one in contacts),
        immunities=[Immune(one.kind, one.day, one.dose) for one in seen],
        symptoms_since=current().localdate(last) if last is not None else None,
    )


@retrying_transaction(repeatable=True)
def weigh_contact(contact: Contact, *, by: User | None, now: dt.datetime) -> None:
    """Weigh a contact's exposures again, with all others of the same person."""
    weigh_contacts(Contact.objects.filter(pk=contact.pk), by=by, now=now)


def weigh_contacts(
    contacts: "QuerySet[Contact]", *, by: User | None, now: dt.datetime
) -> None:
    """Weigh contacts again, within the caller's transaction: those who are nobody's
    person yet by themselves, each person once with all that rests on it."""
    rows = list(contacts.order_by("pk"))
    _note_last_days(rows)
    strangers = [one for one in rows if one.person_id is None]
    if strangers:
        _weigh_strangers(strangers, now=now)
    people = {one.person_id for one in rows if one.person_id is not None}
    for person in Person.objects.filter(pk__in=people).order_by("pk"):
        weigh_person(person, by=by, now=now)


def _note_last_days(contacts: Sequence[Contact]) -> None:
    standing = Exposure.objects.standing().filter(contact__in=contacts).order_by()
    rows = standing.values("contact").annotate(last=Max("day"))
    last = {row["contact"]: row["last"] for row in rows}
    changed = [one for one in contacts if one.last_day != last.get(one.pk)]
    for contact in changed:
        contact.last_day = last.get(contact.pk)
    Contact.objects.bulk_update(changed, ["last_day"], batch_size=1000)


def _weigh_strangers(contacts: Sequence[Contact], *, now: dt.datetime) -> None:
    """Keep with each exposure what it is worth."""
    by_contact: dict[UUID, list[Exposure]] = defaultdict(list)
    for exposure in standing_exposures(contacts):
        by_contact[exposure.contact_id].append(exposure)
    every: list[Exposure] = []
    today = current().localdate(now)
    for contact in contacts:
        for disease, exposures in _by_disease(by_contact[contact.pk]):
            policy = Policy.objects.in_force(disease, on=today)
            of = Circumstances(is_vulnerable=contact.is_vulnerable)
            every += _noted(exposures, weigh(facts_of(exposures), of=of, policy=policy))
    _save_verdicts(every, now=now)


def _by_disease(
    exposures: Iterable[Exposure],
) -> Iterable[tuple[Disease, list[Exposure]]]:
    found: dict[UUID, list[Exposure]] = defaultdict(list)
    for one in exposures:
        if one.case is not None:
            found[one.case.disease_id].append(one)
    diseases = Disease.objects.in_bulk(found)
    return [(diseases[pk], rows) for pk, rows in found.items()]


def _noted(exposures: Iterable[Exposure], weighed: Weighed) -> list[Exposure]:
    """Those whose verdict is another than before, with the new one."""
    changed = []
    for one in exposures:
        verdict = weighed.verdicts[one.pk]
        said = (verdict.is_infectious_day, verdict.category)
        if (one.is_infectious_day, one.category) != said or one.weighed_at is None:
            one.is_infectious_day, one.category = said
            changed.append(one)
    return changed


def _save_verdicts(exposures: Sequence[Exposure], *, now: dt.datetime) -> None:
    for one in exposures:
        one.weighed_at = now
    Exposure.objects.bulk_update(
        exposures, ["is_infectious_day", "category", "weighed_at"], batch_size=1000
    )


@dataclass(frozen=True)
class Standing:
    """All exposures of a person to cases of one disease, weighed together."""

    person: Person
    disease: Disease
    policy: Policy
    exposures: list[Exposure]
    weighed: Weighed
    of: Circumstances

    @property
    def sum(self) -> Sum:
        return self.weighed.basis.sum(self.policy)


def stand(person: Person, disease: Disease, *, now: dt.datetime) -> Standing:
    """Weigh what an official accepted of a person; changes nothing."""
    today = current().localdate(now)
    policy = Policy.objects.in_force(disease, on=today)
    contacts = list(person.contacts_of.standing())
    every = [
        one
        for one in standing_exposures(contacts)
        if one.case is not None and one.case.disease_id == disease.pk
    ]
    running = _running(person, disease, Kind.QUARANTINE)
    of = circumstances(person, contacts, disease=disease)
    if running is not None and running.stated_day is not None:
        stated = containment.Basis(
            running.stated_kind, running.stated_day, running.stated_further
        )
        of = Circumstances(of.is_vulnerable, of.immunities, of.symptoms_since, stated)
    accepted = [one for one in every if one.is_accepted]
    weighed = weigh(facts_of(accepted), of=of, policy=policy)
    return Standing(person, disease, policy, every, weighed, of)


def _running(person: Person, disease: Disease, kind: str) -> Monitoring | None:
    return person.monitorings.open().filter(disease=disease, kind=kind).first()


@retrying_transaction(repeatable=True)
def weigh_person(person: Person, *, by: User | None, now: dt.datetime) -> None:
    """Weigh again all that a person's quarantines rest on, disease by disease.

    The proposal of an open one is computed anew; where what is ordered no longer
    fits, somebody must look. Nothing opens, ends or is ordered by itself.
    """
    person = history.locked(person)
    mine = Disease.objects.filter(cases__exposures__contact__person=person)
    for disease in mine.distinct().order_by("pk"):
        standing = stand(person, disease, now=now)
        every = weigh(facts_of(standing.exposures), of=standing.of,
                      policy=standing.policy)  # fmt: skip
        _save_verdicts(_noted(standing.exposures, every), now=now)
        running = _running(person, disease, Kind.QUARANTINE)
        if running is not None:
            _rest(running, standing, by=by, now=now)
        else:
            _look_at_the_last(standing, now=now)


def _rest(
    running: Monitoring, standing: Standing, *, by: User | None, now: dt.datetime
) -> None:
    """Let an open quarantine rest on the exposures that stand."""
    _link(running, standing)
    proposed = containment.rest_on(running, standing.weighed.basis, by=by, now=now)
    _say_whether_it_fits(running, proposed, policy=standing.policy, now=now)


def _link(running: Monitoring, standing: Standing) -> None:
    counting = [
        one.pk
        for one in standing.exposures
        if one.is_accepted and one.is_infectious_day is not False
    ]
    running.exposures.exclude(pk__in=counting).update(monitoring=None)
    others = Exposure.objects.filter(pk__in=counting).exclude(monitoring=running)
    others.update(monitoring=running)
    reported = [
        one.case.reported_at
        for one in standing.exposures
        if one.pk in counting and one.case is not None
    ]
    first = min(reported, default=None)
    if running.case_reported_at != first:
        running.case_reported_at = first
        running.save(update_fields=["case_reported_at"])


def _say_whether_it_fits(
    running: Monitoring,
    proposed: Order | None,
    *,
    policy: Policy,
    now: dt.datetime,
) -> None:
    ordered = containment.in_force(running)
    if ordered is None or proposed is None:
        escalation.clear(running, [Reason.QUARANTINE_MISFIT], now=now)
        return
    until = proposed.until.isoformat() if proposed.until else None
    lifted = ordered.effect == Order.Effect.LIFT
    escalation.raise_(
        running,
        Reason.QUARANTINE_MISFIT,
        occasion=f"{proposed.effect}:{until}",
        facts={
            "ordered": None if lifted or ordered.until is None
            else ordered.until.isoformat(),
            "proposed": until,
            "effect": proposed.effect,
        },
        policy=policy,
        now=now,
    )  # fmt: skip


def _look_at_the_last(standing: Standing, *, now: dt.datetime) -> None:
    """A quarantine that ended, and by what is known now should still run."""
    person, disease = standing.person, standing.disease
    last = (
        person.monitorings.filter(disease=disease, kind=Kind.QUARANTINE)
        .order_by("-opened_at", "pk")
        .first()
    )
    until = standing.sum.until
    if last is None or person.died_on is not None:
        return
    today = current().localdate(now)
    ended = last.until or last.start
    due = until is not None and until >= today and until > ended
    turned = last.conclusion == Monitoring.Conclusion.TURNED_CASE
    if turned and until is not None:
        # It turned into a case that was discarded: what was left of it runs on.
        due = until >= today
    if not due or _isolated(person, disease):
        escalation.clear(last, [Reason.QUARANTINE_MISFIT], now=now)
        return
    assert until is not None
    escalation.raise_(
        last,
        Reason.QUARANTINE_MISFIT,
        occasion=f"ended:{until.isoformat()}",
        facts={"proposed": until.isoformat(), "effect": Order.Effect.START.value},
        policy=standing.policy,
        now=now,
    )


def _isolated(person: Person, disease: Disease) -> bool:
    """Whether somebody is followed as a case that was not discarded."""
    isolations = person.monitorings.open().filter(disease=disease, kind=Kind.ISOLATION)
    return isolations.exclude(
        case__classification=Case.Classification.DISCARDED
    ).exists()


@retrying_transaction(repeatable=True)
def weigh_case(case: Case, *, by: User | None, now: dt.datetime) -> None:
    """Weigh again everybody who was exposed to a case."""
    exposed = case.exposures.standing().order_by().values("contact")
    weigh_contacts(Contact.objects.filter(pk__in=exposed), by=by, now=now)


@retrying_transaction
def record_immunity(
    person: Person,
    *,
    disease: Disease,
    kind: str,
    day: dt.date,
    product: str = "",
    dose: int | None = None,
    proof_seen: bool,
    by: User,
    now: dt.datetime,
) -> Immunity:
    """Record a dose or a past infection, and weigh what it exempts from.

    The same day again is the same one; a proof seen later counts from then on.
    """
    person = history.locked(person)
    immunity, is_new = Immunity.objects.get_or_create(
        person=person,
        disease=disease,
        kind=kind,
        day=day,
        defaults={
            "product": product,
            "dose": dose,
            "proof_seen_at": now if proof_seen else None,
            "proof_seen_by": by if proof_seen else None,
            "recorded_at": now,
            "recorded_by": by,
        },
    )
    if not is_new:
        immunity.product, immunity.dose = product or immunity.product, dose
        if proof_seen and immunity.proof_seen_at is None:
            immunity.proof_seen_at, immunity.proof_seen_by = now, by
        immunity.save(
            update_fields=["product", "dose", "proof_seen_at", "proof_seen_by"]
        )
    audit.record("immunity.recorded", immunity, by=by, now=now, codes={"kind": kind})
    weigh_person(person, by=by, now=now)
    return immunity


# --- From contact to person to monitoring ---------------------------------------------


@dataclass(frozen=True)
class TakenOver:
    """What became of a contact: followed, or why not.

    `why` is empty, a reason of Monitoring.NotOrdered, 'isolated', 'over' or
    'deceased'.
    """

    contact: Contact
    person: Person
    monitoring: Monitoring | None
    why: str = ""


@retrying_transaction(repeatable=True)
def take_over(
    contact: Contact,
    who: Person | intake.PersonDetails,
    *,
    by: User,
    now: dt.datetime,
    issue: bool = False,
    channel: str = "none",
) -> TakenOver:
    """Make a contact a person, or link a known one, and follow them.

    Accepts what waits; opens the quarantine that all exposures of the person together
    make, with its proposal and the first call, or counts a running one anew. With
    `issue` the order is issued; `channel` invites by mail, sms or letter, '' by the
    person's first way, 'none' not at all. Exposures of somebody who is isolated or
    exempt are recorded, nothing is ordered. Raises Held, Dismissed, Nameless,
    LinkedElsewhere, NamedAlready, enrolment.NoWayToReach, and what issuing raises.
    """
    contact = _locked_ready(contact)
    person = _person(contact, who, by=by, now=now)
    if contact.person_id not in (None, person.pk):
        raise LinkedElsewhere
    _check_once(contact, person)
    if contact.person_id is None or contact.state != State.PERSON:
        contact.person, contact.state = person, State.PERSON
        contact.version += 1
        contact.save(update_fields=["person", "state", "version"])
        audit.record(
            "contact.taken_over", contact, by=by, now=now, person=about(contact)
        )
    accept(contact.exposures.all(), by=by, now=now)
    weigh_person(person, by=by, now=now)
    monitoring, why = _follow(person, contact, by=by, now=now)
    if monitoring is not None:
        if issue and containment.proposal(monitoring) is not None:
            containment.issue(monitoring, by=by, now=now)
        if channel != "none" and monitoring.enrolment in enrolment.MAY_BE_INVITED:
            enrolment.invite(person, by=by, now=now, channel=channel)
        monitoring.refresh_from_db()
    contact.refresh_from_db()
    return TakenOver(contact, person, monitoring, why)


def _person(
    contact: Contact,
    who: Person | intake.PersonDetails,
    *,
    by: User,
    now: dt.datetime,
) -> Person:
    if isinstance(who, Person):
        return history.locked(who)
    if contact.person is not None:
        return history.locked(contact.person)
    if not (who.given_name.strip() and who.family_name.strip()):
        raise Nameless
    return intake.add_person(who, by=by, now=now)


def _check_once(contact: Contact, person: Person) -> None:
    if contact.met_id == person.pk:
        raise NamedAlready
    same = Contact.objects.standing().filter(
        case=contact.case_id, person=person, event__isnull=True
    )
    if contact.case_id and not contact.event_id and same.exclude(pk=contact.pk):
        raise NamedAlready


def _follow(
    person: Person, contact: Contact, *, by: User, now: dt.datetime
) -> tuple[Monitoring | None, str]:
    """Open the quarantine of a person, unless it runs or nothing is to be ordered."""
    if person.died_on is not None:
        return None, "deceased"
    opened: Monitoring | None = None
    why = str(Monitoring.NotOrdered.UNEXPOSED)
    mine = Disease.objects.filter(cases__exposures__contact=contact)
    for disease in mine.distinct().order_by("pk"):
        found, reason = _follow_one(person, disease, contact, by=by, now=now)
        opened, why = (found, "") if found is not None else (opened, reason)
    return opened, "" if opened is not None else why


def _follow_one(
    person: Person, disease: Disease, contact: Contact, *, by: User, now: dt.datetime
) -> tuple[Monitoring | None, str]:
    if _running(person, disease, Kind.ISOLATION) is not None:
        return None, "isolated"
    running = _running(person, disease, Kind.QUARANTINE)
    if running is not None:
        return running, ""
    standing = stand(person, disease, now=now)
    basis = standing.weighed.basis
    if basis.not_ordered:
        return None, str(basis.not_ordered)
    monitoring = containment.open_monitoring(
        person,
        kind=Kind.QUARANTINE,
        disease=disease,
        anchor_kind=basis.anchor_kind,
        anchor_day=basis.anchor_day,
        further_day=basis.further_day,
        risk_category=basis.category,
        reported_at=contact.named_at,
        by=by,
        now=now,
    )
    if monitoring is None:
        return None, "over"
    if contact.told_at is not None and monitoring.told_at is None:
        monitoring.told_at = contact.told_at
        monitoring.save(update_fields=["told_at"])
    _link(monitoring, standing)
    intake.look_at_details(person, now=now)
    return monitoring, ""


def details_of(contact: Contact) -> intake.PersonDetails:
    """Return what is known of a contact as details of a person."""
    return intake.PersonDetails(
        given_name=contact.given_name,
        family_name=contact.family_name,
        birth_date=contact.birth_date,
        phone=contact.phone,
        mobile=contact.mobile,
        email=contact.email,
        street=contact.street,
        postal_code=contact.postal_code,
        city=contact.city,
    )


# --- A contact turns case, and back ---------------------------------------------------


@retrying_transaction(repeatable=True)
def take_up_case(case: Case, *, by: User | None, now: dt.datetime) -> None:
    """What a new case brings: who was held is named now, and asked to be looked at;
    from whom the case may have caught it is kept as a possible source."""
    person = case.person
    held = Contact.objects.filter(met=person, case__isnull=True, state=State.HELD)
    released = list(held.select_for_update().order_by("pk"))
    for contact in released:
        contact.case, contact.state = case, State.NAMED
        contact.version += 1
        contact.save(update_fields=["case", "state", "version"])
        audit.record("contact.released", contact, by=by, now=now, person=person)
    exposures = Exposure.objects.filter(met=person, case__isnull=True)
    exposures.update(case=case)
    weigh_contacts(Contact.objects.filter(met=person, case=case), by=by, now=now)
    running = quarantine_of(person)
    if running is not None:
        escalation.clear(running, [Reason.MET_IN_QUARANTINE], now=now)
    waiting = case.exposures.waiting().order_by("pk").first()
    if waiting is not None:
        ask_to_look(waiting, by=by, now=now)
    _find_sources(case, now=now)


def _find_sources(case: Case, *, now: dt.datetime) -> None:
    """Keep from whom a case may have caught it, as accepted exposures say."""
    accepted = Exposure.objects.accepted().filter(
        contact__person=case.person_id,
        contact__dismissed_at__isnull=True,
        case__disease=case.disease_id,
        is_infectious_day=True,
    )
    last = dict(accepted.order_by("day").values_list("case", "day"))
    for source, day in last.items():
        if source != case.pk:
            SourceLink.objects.get_or_create(
                case=case,
                source_id=source,
                defaults={
                    "strength": SourceLink.Strength.NAMED,
                    "day": day,
                    "found_at": now,
                },
            )
