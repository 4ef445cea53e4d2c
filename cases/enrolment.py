"""How somebody comes to keep a diary: invited, registered, enrolled, or by phone."""

import datetime as dt
import json
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db.models import F, Q

from cases import escalation, intake
from cases.history import revise
from cases.models import (
    Acknowledgement,
    Case,
    EnrolmentCode,
    Escalation,
    Monitoring,
    Person,
    Policy,
    Questionnaire,
    Reporter,
    Routine,
)
from health_authorities.models import current
from quarano.accounts import logins
from quarano.accounts.models import User
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction
from quarano.encryption import fingerprint
from quarano.notifications import outbox
from quarano.notifications.models import Message

# Crockford's base 32 has no I, L, O and U, and reads the first three as 1, 1 and 0.
# https://www.crockford.com/base32.html
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CONFUSED = str.maketrans("OIL", "011", "- \t\u2010\u2011\u2013")
SELECTOR, VERIFIER = 4, 13
NOTICE = "2026-11"
LETTER = "cases/letters/invitation"
MAY_BE_INVITED = (Monitoring.Enrolment.NOT_INVITED, Monitoring.Enrolment.BY_PHONE)


class NotMonitored(Exception):
    """The person is not followed (any more), so there is no diary to open."""


class NoWayToReach(Exception):
    """There is no address or number for the channel that was asked for."""


class CodeOver(Exception):
    """The code or link is used, replaced, locked or too old."""


class AddressInUse(Exception):
    """The address or number opens another login here already."""


class StepsMissing(Exception):
    """A step of the enrolment is not done yet."""


# --- Inviting ------------------------------------------------------------------------


@retrying_transaction
def invite(
    person: Person,
    *,
    by: User,
    now: dt.datetime,
    channel: str = "",
) -> tuple[EnrolmentCode, str, str]:
    """Invite to the diary; return what is stored, the code and the link's token.

    `channel` is mail, sms or letter, empty the person's first; 'none' sends nothing:
    the code is read out. A letter waits to be printed, its code lives longer. A code
    that was open before is void from now on. Somebody who has a login already gets
    back into it with the new code. Raises NotMonitored and NoWayToReach.
    """
    person = Person.objects.select_for_update().get(pk=person.pk)
    monitorings = list(person.monitorings.open().order_by("pk"))
    if not monitorings or person.died_on is not None:
        raise NotMonitored
    channel = channel or (person.channels[0] if person.channels else "")
    by_letter = channel == Message.Channel.LETTER
    today = current().localdate(now)
    if by_letter:
        recipient = ", ".join(person.postal_address(today))[:254]
    else:
        recipient = person.address_for(channel) if channel else ""
    if channel != "none" and not recipient:
        raise NoWayToReach
    _void_codes(person, now=now)
    code, token = new_code(), secrets.token_urlsafe(32)
    routine = Routine.objects.in_force(on=today)
    life = (
        dt.timedelta(days=routine.letter_code_days)
        if by_letter
        else dt.timedelta(hours=routine.code_hours)
    )
    invitation = EnrolmentCode.objects.create(
        person=person,
        selector=code[:SELECTOR],
        verifier_hash=make_password(code[SELECTOR:]),
        token_hash=fingerprint(token),
        by_letter=by_letter,
        invited_at=now,
        invited_by=by,
        expires_at=now + life,
    )
    for monitoring in monitorings:
        if monitoring.enrolment in MAY_BE_INVITED:
            monitoring.enrolment = Monitoring.Enrolment.INVITED
        monitoring.invited_at = now
        monitoring.save(update_fields=["enrolment", "invited_at"])
    log.record(
        "person.invited", invitation, person=person, by=by, now=now,
        codes={"channel": channel, "by_letter": by_letter},
    )  # fmt: skip
    if channel != "none":
        outbox.write(
            f"invitation:{invitation.pk}:{channel}",
            template=LETTER if by_letter else "cases/messages/invitation",
            channel=channel,
            recipient=recipient,
            language=person.language,
            now=now,
            about=person.pk,
            parameters={"path": "/enrolment/link/{token}/"},
            token=json.dumps({"token": token, "code": spelled(code)}),
            expires_at=invitation.expires_at,
        )
    return invitation, spelled(code), token


@retrying_transaction
def by_phone(person: Person, *, by: User, now: dt.datetime) -> None:
    """Officials enter everything for this person; open codes are void from now on."""
    person = Person.objects.select_for_update().get(pk=person.pk)
    monitorings = list(person.monitorings.open().order_by("pk"))
    if not monitorings:
        raise NotMonitored
    _void_codes(person, now=now)
    for monitoring in monitorings:
        monitoring.enrolment = Monitoring.Enrolment.BY_PHONE
        monitoring.save(update_fields=["enrolment"])
        escalation.clear(monitoring, [Escalation.Reason.NOT_REGISTERED], now=now)
    log.record("person.by_phone", person, by=by, now=now)


def _void_codes(person: Person, *, now: dt.datetime) -> None:
    unused = person.enrolment_codes.filter(used_at__isnull=True, voided_at__isnull=True)
    for code in unused.order_by("pk"):
        code.voided_at = now
        code.save(update_fields=["voided_at"])
        outbox.void(now=now, prefix=f"invitation:{code.pk}:")


def new_code() -> str:
    """Return 17 characters that cannot be confused, to be read out and typed."""
    return "".join(secrets.choice(ALPHABET) for _place in range(SELECTOR + VERIFIER))


def spelled(code: str) -> str:
    """Return the 17 characters in the groups in which they are read out, 4-4-4-5."""
    return f"{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}"


def as_typed(text: str) -> str:
    """Return the code that somebody typed: small letters, hyphens and letters like
    digits do not matter; what has another length is one that no code is."""
    code = text.upper().translate(CONFUSED)
    return code if len(code) == SELECTOR + VERIFIER else "*" * (SELECTOR + VERIFIER)


# --- Code or link, and birth date ----------------------------------------------------


def look_up_token(token: str, *, now: dt.datetime) -> EnrolmentCode | None:
    """Return what a link's token opens now; changes nothing."""
    return (
        EnrolmentCode.objects.live(at=now).filter(token_hash=fingerprint(token)).first()
    )


@retrying_transaction
def look_up_code(code: str, *, now: dt.datetime) -> EnrolmentCode | None:
    """Return what a typed code opens now; small letters and hyphens do not matter.

    Takes about as long whether or not there is one. A wrong one counts against the
    codes that begin alike, as a wrong birth date does; they are locked meanwhile, so
    that many tries at once get no further than one after the other.
    """
    code = as_typed(code)
    begin_alike = EnrolmentCode.objects.live(at=now).filter(selector=code[:SELECTOR])
    candidates = list(begin_alike.select_for_update().order_by("pk"))
    for candidate in candidates:
        if check_password(code[SELECTOR:], candidate.verifier_hash):
            return candidate
    if not candidates:
        make_password(code[SELECTOR:])
    for candidate in candidates:
        _count_wrong_try(candidate, now=now)
    return None


@retrying_transaction
def confirm_birth_date(
    code: EnrolmentCode, birth_date: dt.date, *, now: dt.datetime
) -> bool:
    """Whether the birth date is the one we know; where we know none, it is stated.

    Wrong tries are counted, those at the code included; after the routine's number the
    code has run out, and the daily rules tell an official.
    """
    locked = EnrolmentCode.objects.live(at=now).select_for_update().filter(pk=code.pk)
    live = locked.first()
    if live is None:
        return False
    person = Person.objects.select_for_update().get(pk=live.person_id)
    if person.birth_date is None:
        intake.change_details(
            person,
            {
                "birth_date": birth_date,
                "birth_date_source": Person.BirthDateSource.SELF,
            },
            by=None,
            now=now,
        )
        return True
    if person.birth_date == birth_date:
        return True
    _count_wrong_try(live, now=now)
    return False


def _count_wrong_try(code: EnrolmentCode, *, now: dt.datetime) -> None:
    # The caller holds the code.
    code.wrong_tries += 1
    routine = Routine.objects.in_force(on=current().localdate(now))
    if code.wrong_tries >= routine.birth_date_tries:
        code.expires_at = now
        log.record("code.locked", code, person=code.person, by=None, now=now)
    code.save(update_fields=["wrong_tries", "expires_at"])


@retrying_transaction
def note_guessing(tries: int, *, now: dt.datetime) -> None:
    """Write down that more wrong codes were typed than people mistype.

    Over all authorities together; noted at the one where it was seen first.
    """
    log.record("code.guessed_often", None, by=None, now=now, codes={"tries": tries})


# --- The login -----------------------------------------------------------------------


@retrying_transaction
def register(
    code: EnrolmentCode,
    *,
    email: str = "",
    mobile: str = "",
    password: str,
    language: str,
    now: dt.datetime,
) -> User:
    """Make the login that keeps this person's diary, or let its owner in again.

    Signs in with `email` or `mobile` (E.164). Uses the code up: of many at once one
    wins, the others raise CodeOver. Raises AddressInUse where another login has it.
    """
    person = _use_up(code, now=now)
    email = email.strip().lower()
    user = person.user or User(created_at=now, name=person.name)
    others = User.objects.exclude(pk=user.pk)
    if others.filter(Q(email=email) if email else Q(mobile=mobile)).exists():
        raise AddressInUse
    is_new = person.user_id is None
    if not is_new:
        # At the address that it had: whoever held the code may be another.
        logins.tell(user, "password_changed", now=now)
    user.email, user.language = email or None, language
    user.mobile = mobile or user.mobile or None
    user.session_epoch += 1
    user.set_password(password)
    user.save()
    EnrolmentCode.objects.filter(pk=code.pk).update(used_by=user)
    if is_new:
        person.user = user
        person.save(update_fields=["user"])
        _report(user, person, kind=Reporter.Kind.SELF, now=now)
    _registered(person, by=user, now=now)
    _speak(person, language=language, by=user, now=now)
    log.record("code.used", code, person=person, by=user, now=now)
    return user


def _speak(person: Person, *, language: str, by: User, now: dt.datetime) -> None:
    # A language that we have no texts in yet stays noted, for the interpreter.
    ours = dict(settings.LANGUAGES)
    if person.language in ours and language in ours:
        intake.change_details(person, {"language": language}, by=by, now=now)


@retrying_transaction(repeatable=True)
def keep_language(user: User, *, language: str, now: dt.datetime) -> None:
    """Keep the language that a citizen chose: of the pages, and of our messages."""
    logins.keep_language(user, language=language)
    person = Person.objects.filter(user=user).first()
    if person is not None:
        _speak(person, language=language, by=user, now=now)


@retrying_transaction
def report_for(
    code: EnrolmentCode, user: User, *, kind: str, now: dt.datetime
) -> Person:
    """Let an existing login keep this person's diary too: parent, guardian, helper.

    The code is used up; whoever handed it over has given the word that an adult's
    representative needs. Raises CodeOver.
    """
    person = _use_up(code, now=now)
    EnrolmentCode.objects.filter(pk=code.pk).update(used_by=user)
    _report(user, person, kind=kind, now=now)
    _registered(person, by=user, now=now)
    log.record("code.used", code, person=person, by=user, now=now, codes={"kind": kind})
    return person


def _use_up(code: EnrolmentCode, *, now: dt.datetime) -> Person:
    # `used_by` follows in the same transaction: the login may not exist yet.
    if not EnrolmentCode.objects.live(at=now).filter(pk=code.pk).update(used_at=now):
        raise CodeOver
    person = Person.objects.select_for_update().get(pk=code.person_id)
    if person.died_on is not None or not person.monitorings.open().exists():
        raise CodeOver
    outbox.void(now=now, prefix=f"invitation:{code.pk}:")
    return person


def _report(user: User, person: Person, *, kind: str, now: dt.datetime) -> None:
    if user.reports_for.filter(person=person, until__isnull=True).exists():
        return
    Reporter.objects.create(
        user=user,
        person=person,
        kind=kind,
        since=current().localdate(now),
        appointed_at=now,
        appointed_by=user,
    )


def _registered(person: Person, *, by: User, now: dt.datetime) -> None:
    waiting = (*MAY_BE_INVITED, Monitoring.Enrolment.INVITED)
    for monitoring in person.monitorings.open().filter(enrolment__in=waiting):
        monitoring.enrolment = Monitoring.Enrolment.REGISTERED
        monitoring.registered_at = now
        monitoring.save(update_fields=["enrolment", "registered_at"])
        escalation.clear(monitoring, [Escalation.Reason.NOT_REGISTERED], now=now)
    log.record("person.registered", person, by=by, now=now)


# --- The steps -----------------------------------------------------------------------


@retrying_transaction(repeatable=True)
def acknowledge(user: User, *, now: dt.datetime) -> Acknowledgement:
    """Note that this login has seen the notice in force, once."""
    seen, is_new = Acknowledgement.objects.get_or_create(
        user=user, notice=NOTICE, defaults={"seen_at": now}
    )
    if is_new:
        log.record(
            "notice.seen", user, by=user, now=now, codes={"notice": NOTICE},
            person=getattr(user, "person", None),
        )  # fmt: skip
    return seen


@retrying_transaction(repeatable=True)
def save_details(
    person: Person,
    changes: dict[str, Any],
    *,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> Person:
    """Save what the person says of address and contact; the step is done.

    Raises cases.history.ChangedMeanwhile.
    """
    if changes:
        person = intake.change_details(person, changes, by=by, now=now, version=version)
    for monitoring in person.monitorings.open().order_by("pk").select_for_update():
        answers = _questionnaire(monitoring)
        if answers.details_saved_at is None:
            answers.details_saved_at = now
            answers.save(update_fields=["details_saved_at"])
    return person


@retrying_transaction(repeatable=True)
def save_questionnaire(
    monitoring: Monitoring,
    changes: dict[str, Any],
    *,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> Questionnaire:
    """Save the answers; the onset they state reaches the case, or an official.

    Raises cases.history.ChangedMeanwhile.
    """
    monitoring = Monitoring.objects.select_for_update().get(pk=monitoring.pk)
    answers = _questionnaire(monitoring)
    revise(
        answers,
        changes,
        person=monitoring.person,
        by=by,
        now=now,
        verb="questionnaire.saved",
        version=version,
    )
    answers.refresh_from_db()
    answers.saved_at, answers.saved_by = now, by
    answers.save(update_fields=["saved_at", "saved_by"])
    if monitoring.case is not None and answers.has_symptoms:
        _state_onset(monitoring.case, answers, by=by, now=now)
    return answers


def _questionnaire(monitoring: Monitoring) -> Questionnaire:
    # The caller holds the monitoring, so that two steps at once make one row.
    return Questionnaire.objects.get_or_create(monitoring=monitoring)[0]


def _state_onset(
    case: Case, answers: Questionnaire, *, by: User, now: dt.datetime
) -> None:
    """Not asked yet: the person's word counts. Otherwise an official compares."""
    if case.onset_kind == Case.Onset.NOT_ASKED:
        stated: dict[str, Any] = {
            "onset_kind": Case.Onset.DATE if answers.onset else Case.Onset.UNKNOWN,
            "onset": answers.onset,
            "onset_source": Case.OnsetSource.QUESTIONNAIRE,
        }
        intake.revise_case(case, stated, by=by, now=now)
    elif answers.onset and (case.onset is None or answers.onset < case.onset):
        escalation.raise_(
            case,
            Escalation.Reason.ONSET_DIFFERS,
            occasion=f"questionnaire-{answers.onset.isoformat()}",
            facts={
                "diary": answers.onset.isoformat(),
                "case": case.onset.isoformat() if case.onset else None,
            },
            now=now,
        )


@retrying_transaction(repeatable=True)
def complete(monitoring: Monitoring, *, by: User, now: dt.datetime) -> Monitoring:
    """Enrol: every step is done, the diary is open, no first call is owed.

    Raises StepsMissing.
    """
    locked = Monitoring.objects.select_for_update().get(pk=monitoring.pk)
    if locked.enrolment == Monitoring.Enrolment.ENROLLED:
        return locked
    if locked.enrolment != Monitoring.Enrolment.REGISTERED or not _is_answered(locked):
        raise StepsMissing
    locked.enrolment = Monitoring.Enrolment.ENROLLED
    locked.enrolled_at = now
    locked.save(update_fields=["enrolment", "enrolled_at"])
    first_call = [Escalation.Reason.FIRST_CALL, Escalation.Reason.FIRST_CALL_OVERDUE]
    escalation.clear(locked, first_call, now=now)
    log.record("person.enrolled", locked, by=by, now=now)
    return locked


def _is_answered(monitoring: Monitoring) -> bool:
    answers = Questionnaire.objects.filter(monitoring=monitoring).first()
    return (
        answers is not None
        and answers.details_saved_at is not None
        and answers.saved_at is not None
    )


def asks_for_contacts(monitoring: Monitoring) -> bool:
    """Whether the enrolment asks whom the person met: cases always, contacts where
    the policy of the day it began says so."""
    if monitoring.is_isolation:
        return True
    policy = Policy.objects.in_force(monitoring.disease, on=monitoring.start)
    return policy.asks_contacts_too


@retrying_transaction
def contacts_named(monitoring: Monitoring, *, by: User, now: dt.datetime) -> None:
    """Note that somebody went through the days of the last step."""
    Person.objects.select_for_update().get(pk=monitoring.person_id)
    answers = _questionnaire(monitoring)
    answers.contacts_named_at = now
    answers.save(update_fields=["contacts_named_at"])
    log.record("contacts.asked", answers, by=by, now=now, person=monitoring.person_id)


def unfinished(user: User, *, on: dt.date) -> Monitoring | None:
    """Return the monitoring whose enrolment this login has begun and not completed.

    Its own before those of others, the oldest first.
    """
    people = Person.objects.reported_by(user, on=on).values("pk")
    return (
        Monitoring.objects.open()
        .select_related("person", "case")
        .filter(enrolment=Monitoring.Enrolment.REGISTERED, person__in=people)
        .order_by(F("person__user").asc(nulls_last=True), "opened_at")
        .first()
    )


def next_step(user: User, monitoring: Monitoring) -> str | None:
    """Return the url name of the first step that is not done, None when all are."""
    answers = Questionnaire.objects.filter(monitoring=monitoring).first()
    is_done = {
        "enrolment:notice": Acknowledgement.objects.filter(
            user=user, notice=NOTICE
        ).exists(),
        "enrolment:details": bool(answers and answers.details_saved_at),
        "enrolment:questionnaire": bool(answers and answers.saved_at),
        "contacts:asked": bool(answers and answers.contacts_named_at)
        or not asks_for_contacts(monitoring),
    }
    for step in settings.ENROLMENT_STEPS:
        if not is_done[step]:
            return step
    return None
