"""Taking up a report: find or add the person, open case and monitoring, ask for the
first call; and what is learnt of case and person afterwards."""

import datetime as dt
from dataclasses import dataclass, fields
from typing import Any

from django.utils.translation import gettext_lazy as _

from cases import containment, daily_rules, escalation, history, search
from cases.models import (
    Case,
    Disease,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
    Policy,
    ProtectedCircle,
    Test,
)
from cases.signals import TAKEN_UP, case_revised
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

Reason = Escalation.Reason
SEARCHED = {"given_name", "family_name", "phone", "mobile", "email"}
REFERENCES = {"laboratory_reference", "register_reference"}


class Isolated(containment.Refused):
    """The exposure of somebody who is isolated is recorded, not ordered."""

    message = _("This person is isolated already; no quarantine is ordered.")


@dataclass(frozen=True)
class PersonDetails:
    """Who somebody is and how to reach them, as typed or imported."""

    given_name: str = ""
    family_name: str = ""
    birth_date: dt.date | None = None
    sex: str = ""
    phone: Any = ""
    mobile: Any = ""
    email: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    stay_street: str = ""
    stay_postal_code: str = ""
    stay_city: str = ""
    stay_from: dt.date | None = None
    stay_until: dt.date | None = None
    language: str = Person.Language.DE
    preferred_channel: str = ""
    preferred_morning: dt.time | None = None
    preferred_evening: dt.time | None = None
    interpreter_needed: bool = False
    hard_of_hearing: bool = False
    no_internet: bool = False
    lives_alone: bool = False
    remarks: str = ""
    protected: bool = False


DETAILS = [field.name for field in fields(PersonDetails)]


@dataclass(frozen=True)
class Report(PersonDetails):
    """What was reported about an infection. With `person` the details are left alone.

    Without a classification the test says it: PCR confirmed, supervised antigen test
    probable, self-test suspected. `episode` is an earlier case that this belongs to.
    """

    person: Person | None = None
    disease: Disease | None = None
    episode: Case | None = None
    classification: str = ""
    onset_kind: str = Case.Onset.NOT_ASKED
    onset: dt.date | None = None
    specimen_date: dt.date | None = None
    test_kind: str = ""
    laboratory: str = ""
    reported_at: dt.datetime | None = None  # None: now
    found_by: str = Case.Found.REPORT
    occupation: str = ""
    sensitive_setting: str = ""
    variant: str = ""
    laboratory_reference: str = ""
    register_reference: str = ""
    severe_course: bool = False
    immune_suppressed: bool = False


# Source: RKI, Falldefinition COVID-19; the authority's policy may say otherwise.
BY_TEST = {
    Test.Kind.PCR.value: Case.Classification.CONFIRMED,
    Test.Kind.ANTIGEN.value: Case.Classification.PROBABLE,
    Test.Kind.SELF.value: Case.Classification.SUSPECTED,
}


@retrying_transaction
def take_up(report: Report, *, by: User | None, now: dt.datetime) -> Case:
    """Open a case with its isolation proposed and the first call asked for.

    Is the computed end past already, the case is recorded and nobody is followed. An
    open quarantine of the same disease is concluded as 'turned into a case', the diary
    goes on. Raises containment.AlreadyFollowed (isolated already) and Deceased.
    """
    person = _person(report, by=by, now=now)
    disease = report.disease or Disease.objects.get()
    if report.episode is not None:
        return _join_episode(report.episode, report, person=person, by=by, now=now)
    isolated = _open(person, disease, Monitoring.Kind.ISOLATION)
    if isolated is not None:
        raise containment.AlreadyFollowed(isolated)
    has_day = report.onset is not None
    case = Case.objects.create(
        person=person,
        disease=disease,
        classification=report.classification
        or BY_TEST.get(report.test_kind, Case.Classification.SUSPECTED),
        onset_kind=Case.Onset.DATE if has_day else report.onset_kind,
        onset=report.onset,
        onset_source=_onset_source(report.onset_kind),
        specimen_date=report.specimen_date,
        variant=report.variant,
        laboratory_reference=report.laboratory_reference,
        register_reference=report.register_reference,
        found_by=report.found_by,
        occupation=report.occupation,
        sensitive_setting=report.sensitive_setting,
        severe_course=report.severe_course,
        immune_suppressed=report.immune_suppressed,
        reported_at=report.reported_at or now,
        recorded_at=now,
        recorded_by=by,
    )
    audit.record(
        "case.taken_up",
        case,
        by=by,
        now=now,
        codes={"found_by": case.found_by},
    )
    _add_test(case, report, by=by, now=now)
    quarantine = _open(person, disease, Monitoring.Kind.QUARANTINE)
    _isolate(case, by=by, now=now)
    if quarantine is not None and by is not None:
        containment.conclude(
            quarantine,
            conclusion=Monitoring.Conclusion.TURNED_CASE,
            by=by,
            now=now,
        )
    search.index(person)
    look_at_details(person, now=now)
    case_revised.send(sender=Case, case=case, what=TAKEN_UP, by=by, now=now)
    return case


def _onset_source(onset_kind: str) -> str:
    return "" if onset_kind == Case.Onset.NOT_ASKED else Case.OnsetSource.OFFICIAL


def _open(person: Person, disease: Disease, kind: str) -> Monitoring | None:
    return person.monitorings.open().filter(disease=disease, kind=kind).first()


def _person(
    details: Person | PersonDetails, *, by: User | None, now: dt.datetime
) -> Person:
    """The person, locked; made where only details are known."""
    known = details.person if isinstance(details, Report) else details
    if isinstance(known, Person):
        person = history.locked(known)
        if person.died_on is not None:
            raise containment.Deceased
        return person
    assert isinstance(details, PersonDetails)
    return add_person(details, by=by, now=now)


@retrying_transaction
def add_person(details: PersonDetails, *, by: User | None, now: dt.datetime) -> Person:
    """Put somebody into the file whom nobody knew."""
    values = {name: getattr(details, name) for name in DETAILS}
    values["email"] = values["email"].strip().lower()
    person = Person(recorded_at=now, recorded_by=by, **values)
    if person.birth_date is not None:
        person.birth_date_source = Person.BirthDateSource.OFFICIAL
    person.save(force_insert=True)
    if person.protected:
        _enter_circle(person, by=by)
    search.index(person)
    audit.record("person.recorded", person, by=by, now=now)
    return person


def _enter_circle(person: Person, *, by: User | None) -> None:
    """Whoever protects somebody belongs to the circle, or would lose the file."""
    if by is not None and by.is_staff:
        ProtectedCircle.objects.get_or_create(person=person, user=by)


def _add_test(case: Case, report: Report, *, by: User | None, now: dt.datetime) -> None:
    if not report.test_kind or report.specimen_date is None:
        return
    test = Test.objects.create(
        person=case.person,
        case=case,
        kind=report.test_kind,
        specimen_date=report.specimen_date,
        result=Test.Result.POSITIVE,
        reported_at=report.reported_at or now,
        laboratory=report.laboratory,
        recorded_at=now,
        recorded_by=by,
    )
    audit.record("test.recorded", test, by=by, now=now, codes={"kind": test.kind})


def _isolate(case: Case, *, by: User | None, now: dt.datetime) -> Monitoring | None:
    """Open the isolation of a case and propose it, unless it is over already."""
    if case.classification == Case.Classification.DISCARDED:
        return None
    anchor_kind, anchor_day = case.anchor or ("", None)
    return containment.open_monitoring(
        case.person,
        kind=Monitoring.Kind.ISOLATION,
        disease=case.disease,
        case=case,
        anchor_kind=anchor_kind,
        anchor_day=anchor_day,
        reported_at=case.reported_at,
        by=by,
        now=now,
    )


def episode_of(person: Person, *, disease: Disease, on: dt.date) -> Case | None:
    """Return the case that a new positive of that day is offered to belong to: one
    whose onset, specimen or report lies within *90 days* before."""
    policy = Policy.objects.in_force(disease, on=on)
    earliest = on - dt.timedelta(days=policy.same_episode_days)
    authority = current()
    cases = person.cases.filter(disease=disease).exclude(
        classification=Case.Classification.DISCARDED
    )
    for case in cases.order_by("-reported_at", "pk"):
        anchor = case.anchor
        day = anchor[1] if anchor else authority.localdate(case.reported_at)
        if earliest <= day <= on:
            return case
    return None


def _join_episode(
    case: Case,
    report: Report,
    *,
    person: Person,
    by: User | None,
    now: dt.datetime,
) -> Case:
    """Add what was reported to the case that it belongs to, filling gaps only."""
    _add_test(case, report, by=by, now=now)
    gaps: dict[str, Any] = {}
    if case.specimen_date is None and report.specimen_date is not None:
        gaps["specimen_date"] = report.specimen_date
    if case.onset is None and report.onset is not None:
        gaps |= {"onset": report.onset, "onset_kind": Case.Onset.DATE}
    if not case.laboratory_reference and report.laboratory_reference:
        gaps["laboratory_reference"] = report.laboratory_reference
    if not gaps:
        audit.record("case.reported_again", case, by=by, now=now, person=person)
        return case
    return revise_case(case, gaps, by=by, now=now)


@retrying_transaction
def open_quarantine(
    person: Person | PersonDetails,
    *,
    disease: Disease,
    last_exposure: dt.date,
    household: bool = False,
    by: User | None,
    now: dt.datetime,
) -> Monitoring:
    """Follow a contact, with a quarantine proposed and the first call asked for.

    `household`: `last_exposure` is the onset of the first case at home. In quarantine
    already, the later end is proposed. Raises Isolated; containment.EndPast where the
    quarantine would be over; containment.Deceased.
    """
    person = _person(person, by=by, now=now)
    if _open(person, disease, Monitoring.Kind.ISOLATION) is not None:
        raise Isolated
    running = _open(person, disease, Monitoring.Kind.QUARANTINE)
    if running is not None:
        containment.expose_again(running, last_exposure=last_exposure, by=by, now=now)
        running.refresh_from_db()
        return running
    anchor = (
        Monitoring.Anchor.HOUSEHOLD if household else (Monitoring.Anchor.LAST_EXPOSURE)
    )
    monitoring = containment.open_monitoring(
        person,
        kind=Monitoring.Kind.QUARANTINE,
        disease=disease,
        anchor_kind=anchor,
        anchor_day=last_exposure,
        is_stated=True,
        reported_at=now,
        by=by,
        now=now,
    )
    if monitoring is None:
        raise containment.EndPast
    look_at_details(person, now=now)
    return monitoring


@retrying_transaction(repeatable=True)
def revise_case(
    case: Case,
    changes: dict[str, Any],
    *,
    by: User | None,
    now: dt.datetime,
    version: int | None = None,
) -> Case:
    """Change what is known of a case; its proposals are computed anew.

    A day of onset makes the kind 'on this day', another kind empties the day. Where
    nobody follows the case and its end is now to come, its isolation is opened. Raises
    history.ChangedMeanwhile; containment.NotAPhysician where anybody else says until
    when the case is infectious.
    """
    case = history.locked(case)
    infectious = changes.get("infectious_until", case.infectious_until)
    if infectious != case.infectious_until and not (by and by.may("cases.decide")):
        raise containment.NotAPhysician
    changes = _complete_onset(case, changes)
    changed = history.revise(
        case,
        changes,
        person=case.person,
        by=by,
        now=now,
        verb="case.revised",
        version=version,
    )
    if not changed:
        return case
    if {"onset", "onset_kind"} & set(changed):
        escalation.clear(case, [Reason.ONSET_DIFFERS], now=now)
    containment.repropose(case, now=now)
    _isolate_if_due(case, changed, by=by, now=now)
    if REFERENCES & set(changed):
        search.index(case.person)
    look_at_details(case.person, now=now)
    case_revised.send(sender=Case, case=case, what=changed, by=by, now=now)
    return case


def _complete_onset(case: Case, changes: dict[str, Any]) -> dict[str, Any]:
    changes = dict(changes)
    if "onset_kind" in changes and changes["onset_kind"] != Case.Onset.DATE:
        changes["onset"] = None
    elif changes.get("onset") is not None:
        changes["onset_kind"] = Case.Onset.DATE
    elif "onset" in changes and case.onset_kind == Case.Onset.DATE:
        changes["onset_kind"] = Case.Onset.UNKNOWN
    touched = any(
        name in changes and changes[name] != getattr(case, name)
        for name in ("onset", "onset_kind")
    )
    if touched and "onset_source" not in changes:
        kind = changes.get("onset_kind", case.onset_kind)
        changes["onset_source"] = _onset_source(kind)
    return changes


def _isolate_if_due(
    case: Case, changed: list[str], *, by: User | None, now: dt.datetime
) -> None:
    """A case recorded as over, whose end turns out to be still to come."""
    dates = {"onset", "specimen_date", "classification"}
    if not dates & set(changed) or case.monitorings.exists():
        return
    there = _open(case.person, case.disease, Monitoring.Kind.ISOLATION)
    if there is None and case.anchor is not None and case.person.died_on is None:
        _isolate(case, by=by, now=now)


@retrying_transaction(repeatable=True)
def change_details(
    person: Person,
    changes: dict[str, Any],
    *,
    by: User | None,
    now: dt.datetime,
    version: int | None = None,
) -> Person:
    """Change who somebody is or how to reach them; raises history.ChangedMeanwhile.

    A birth date notes who said it: the authority, or the person where a citizen saves.
    """
    person = history.locked(person)
    changes = dict(changes)
    if "email" in changes:
        changes["email"] = changes["email"].strip().lower()
    born = changes.get("birth_date", person.birth_date)
    if born != person.birth_date and "birth_date_source" not in changes:
        changes["birth_date_source"] = _said_by(changes["birth_date"], by)
    changed = history.revise(
        person,
        changes,
        person=person,
        by=by,
        now=now,
        verb="person.changed",
        version=version,
    )
    if SEARCHED & set(changed):
        search.index(person)
    if "protected" in changed and person.protected:
        _enter_circle(person, by=by)
    if changed:
        look_at_details(person, now=now)
    return person


def _said_by(birth_date: dt.date | None, by: User | None) -> str:
    if birth_date is None:
        return ""
    citizen = by is not None and not by.is_staff
    source = Person.BirthDateSource
    return source.SELF if citizen else source.OFFICIAL


@retrying_transaction(repeatable=True)
def look_at_details(person: Person, *, now: dt.datetime) -> None:
    """Raise, correct or clear 'details missing' of one person, without waiting for
    the timetable."""
    followed = person.monitorings.open().select_related("person", "case")
    missing = daily_rules.missing_details(followed)
    if not missing:
        escalation.clear(person, [Reason.DETAILS_MISSING], now=now)
        return
    filled = EscalationOccasion.objects.filter(
        subject_id=person.pk,
        reason=Reason.DETAILS_MISSING,
        occasion__in=set(daily_rules.DETAILS) - set(missing),
    )
    escalation.free(filled, now=now)
    for code in missing:
        escalation.raise_(
            person,
            Reason.DETAILS_MISSING,
            occasion=code,
            facts={"missing": missing},
            now=now,
        )
