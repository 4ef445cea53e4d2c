"""What messages and letters say: shipped texts, and an authority's own versions.

A text names what changes from message to message as `{name}`; which names it may use
is listed for its kind, and nothing else is understood. So whoever edits a text can ask
for no field of a person and run no code. Version 1 is the shipped text.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

from health_authorities import memory
from health_authorities.models import HealthAuthority
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications import wording
from quarano.notifications.kinds import KINDS, LETTER, MAIL, SMS, Kind, register
from quarano.notifications.models import TextVersion
from quarano.notifications.wording import PLACEHOLDER

__all__ = ["KINDS", "LETTER", "MAIL", "SMS", "Kind", "register"]

SHIPPED = "1"


class Outdated(Exception):
    """Somebody saved another version meanwhile; `.current` is that one."""

    def __init__(self, current: "Text") -> None:
        super().__init__(current.version)
        self.current = current


class Unchanged(Exception):
    """The text says what it said before."""


@dataclass(frozen=True)
class Text:
    """A text with its `{placeholders}`, and the version that a message notes."""

    source: str
    version: str
    is_shipped: bool = True

    def filled(self, values: Mapping[str, Any]) -> str:
        """Return the text with each placeholder's value; an unknown one stays away.

        One pass: what a value holds is never read as a placeholder again.
        """
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1], "")), self.source)


def language_of(wanted: str) -> str:
    """Return the language in which a text is written for somebody who speaks that.

    A language without texts falls back to the authority's.
    """
    if wanted in dict(settings.LANGUAGES):
        return wanted
    authority = connection.tenant
    if isinstance(authority, HealthAuthority):
        return authority.default_language
    return settings.LANGUAGE_CODE


def current(template: str, channel: str, language: str) -> Text:
    """Return the text in use: the newest version, or the shipped one.

    `template` is a path below templates/ without channel and ending, such as
    'cases/messages/invitation'; shipped is its file `<template>.<channel>.txt`. Raises
    TemplateDoesNotExist where there is neither.
    """
    return read(template, channel, language, version(template, channel, language))


def version(template: str, channel: str, language: str) -> str:
    """Return the number of the version in use; asks once in a while only."""
    language = language_of(language)
    if template not in KINDS:
        return SHIPPED
    return memory.remembered(
        ("text", template, channel, language),
        lambda: str(_newest(template, channel, language)),
    )


def versions(folder: str) -> dict[tuple[str, str, str], str]:
    """Return {(template, channel, language): number} of the versions in use whose
    template begins so; the shipped ones are left out."""
    own = TextVersion.objects.filter(template__startswith=folder).order_by("number")
    return {
        (template, channel, language): str(number)
        for template, channel, language, number in own.values_list(
            "template", "channel", "language", "number"
        )
    }


def _newest(template: str, channel: str, language: str) -> int:
    return (
        TextVersion.objects.of(template, channel, language)
        .order_by("-number")
        .values_list("number", flat=True)
        .first()
    ) or int(SHIPPED)


def read(template: str, channel: str, language: str, version: str) -> Text:
    """Return one version of a text, however long ago it was replaced."""
    language = language_of(language)
    if version != SHIPPED:
        own = TextVersion.objects.of(template, channel, language)
        # None where the language changed since: better the shipped text than none.
        source = own.filter(number=version).values_list("source", flat=True).first()
        if source:
            return Text(source, version, is_shipped=False)
    return Text(shipped(template, channel, language), version)


def shipped(template: str, channel: str, language: str) -> str:
    """Return the shipped text with its placeholders, in that language."""
    marks = {"authority": MARKS, "url": "{link}"}
    kind = KINDS.get(template)
    for name in kind.allowed if kind else ():
        marks[name] = f"{{{name}}}"
    with translation.override(language):
        # Plain text: nothing is escaped as if it were HTML.
        named = Context(marks, autoescape=False)
        found = get_template(f"{template}.{channel}.txt")
        text: str = found.template.render(named)  # type: ignore[attr-defined]
    return text.strip()


@dataclass(frozen=True)
class _Marks:
    name: str = "{office}"
    short_name: str = "{office_short}"
    cases_phone: str = "{phone}"


MARKS: Any = _Marks()


def placeholders(source: str) -> set[str]:
    """Return the names that a text uses."""
    return set(PLACEHOLDER.findall(source))


@retrying_transaction
def revise(
    template: str,
    channel: str,
    language: str,
    *,
    source: str,
    based_on: str,
    by: Any,
    now: dt.datetime,
) -> TextVersion:
    """Put a new wording into use; messages written before keep theirs.

    `based_on` is the version that was edited. Raises Outdated where that is not the one
    in use any more, Unchanged where the wording is the same, and wording.Unfit.
    """
    if found := wording.problems(KINDS[template], channel, source):
        raise wording.Unfit(found)
    before = _in_use(template, channel, language)
    if source == before.source:
        raise Unchanged
    if before.version != based_on:
        raise Outdated(before)
    return _add(template, channel, language, source, before, by=by, now=now)


@retrying_transaction
def restore(
    template: str,
    channel: str,
    language: str,
    *,
    based_on: str,
    by: Any,
    now: dt.datetime,
) -> TextVersion:
    """Put the shipped wording into use again; raises Outdated and Unchanged."""
    before = _in_use(template, channel, language)
    if before.version != based_on:
        raise Outdated(before)
    if before.is_shipped:
        raise Unchanged
    return _add(template, channel, language, "", before, by=by, now=now)


def _in_use(template: str, channel: str, language: str) -> Text:
    # Past what is remembered, and locked; where there is none yet, the number's
    # constraint lets only one of two through, and the other runs again.
    newest = (
        TextVersion.objects.select_for_update()
        .of(template, channel, language)
        .order_by("-number")
        .first()
    )
    if newest is None:
        return Text(shipped(template, channel, language), SHIPPED)
    return read(template, channel, language, str(newest.number))


def _add(
    template: str,
    channel: str,
    language: str,
    source: str,
    before: Text,
    *,
    by: Any,
    now: dt.datetime,
) -> TextVersion:
    made = TextVersion.objects.create(
        template=template,
        channel=channel,
        language=language,
        number=int(before.version) + 1,
        source=source,
        written_at=now,
        written_by=by.pk,
    )
    log.record(
        "text.revised" if source else "text.restored",
        made,
        by=by,
        now=now,
        codes={"text": template, "channel": channel, "language": language},
    )
    memory.forget()
    return made


def history(template: str, channel: str, language: str) -> QuerySet[TextVersion]:
    """Return an authority's own versions of a text, newest first."""
    return TextVersion.objects.of(template, channel, language).order_by("-number")
