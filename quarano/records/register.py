"""The record of processing activities under Art. 30 GDPR, from the classification."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cases.models import Routine
from health_authorities.models import HealthAuthority
from quarano.records.classification import (
    ACCESS_LOG,
    ACCOUNT,
    ALWAYS,
    CATEGORIES,
    CONTACTS,
    DIARY,
    MODELS,
    ORDERS,
    Kept,
)

OF_PEOPLE = {"identity", "contact", "health", "text", "legal"}
OF_OFFICIALS = {"staff", "work"}
OF_NOBODY = {"setting"}


@dataclass(frozen=True)
class Activity:
    """One line of the record: what Art. 30 (1) (b) to (f) ask for, in words."""

    purpose: str
    people: list[str]
    categories: list[str]
    bases: list[str]
    period: str


@dataclass(frozen=True)
class Record:
    """The whole record of one authority."""

    authority: HealthAuthority
    activities: list[Activity]
    recipients: list[str]
    measures: list[str]


def record_of(authority: HealthAuthority, routine: Routine) -> Record:
    """Return the record in the language that is active, periods by this routine.

    What is about nobody (catalogues, settings) is no processing of personal data.
    """
    about = [kept for kept in MODELS.values() if set(kept.fields) - OF_NOBODY]
    activities = [_activity(kept, routine) for kept in about if _people(kept)]
    return Record(authority, activities, recipients(), measures())


def _activity(kept: Kept, routine: Routine) -> Activity:
    categories = [name for name in CATEGORIES if name in kept.fields]
    personal = [name for name in categories if name not in OF_NOBODY]
    return Activity(
        purpose=_(kept.purpose),
        people=_people(kept),
        categories=[_(CATEGORIES[name]) for name in personal],
        bases=_once(_(kept.base(name)) for name in personal),
        period=period_in_words(kept.period, routine),
    )


def _people(kept: Kept) -> list[str]:
    found = []
    if OF_PEOPLE & set(kept.fields):
        found.append(_("people in isolation or quarantine, and who reports for them"))
    if OF_OFFICIALS & set(kept.fields):
        found.append(_("officials of the authority"))
    return found


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def period_in_words(period: str, routine: Routine) -> str:
    """Say how long something is kept. Raises KeyError for a period nobody named."""
    return {
        DIARY: _("%(n)d months from the end of the last monitoring")
        % {"n": routine.keep_diary_months},
        ORDERS: _("%(n)d months from the end of the last monitoring")
        % {"n": routine.keep_orders_months},
        ACCESS_LOG: _("%(n)d months from the event")
        % {"n": routine.keep_access_log_months},
        CONTACTS: _("28 days from the last exposure"),
        ACCOUNT: _("as long as the account exists"),
        ALWAYS: _("as long as the authority works with Quarano"),
    }[period]


def recipients() -> list[str]:
    """Who else is given something, Art. 30 (1) (d) and (e)."""
    return [
        _("the operator of the installation, as processor (Art. 28 GDPR)"),
        _("providers of e-mail and text messages: address and a text without health"),
        _("nobody in a third country"),
    ]


def measures() -> list[str]:
    """Technical and organisational measures, Art. 30 (1) (g) and 32."""
    return [
        _("each authority's data in a schema of its own; no way from one to another"),
        _("officials sign in with two factors; rights by role; sessions end"),
        _("every reading and change is recorded in a chain that shows any change"),
        _("what officials read is looked through for misuse every minute"),
        _("free text, tokens and second factors are encrypted in their columns"),
        _("erasure by the periods above; an erasure is recorded"),
    ]
