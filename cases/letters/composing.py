"""What each letter says: an editable text, and between its lines what we insert.

A text is plain: its first line is the subject, blank lines part paragraphs, '# ' begins
a heading, '- ' a line of a list. A paragraph that is nothing but the name of a block,
such as {sum}, is replaced by it; one that comes out empty is left away.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence

from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cases import steps
from cases.enrolment import LETTER as INVITATION
from cases.letters.addressing import addressee, salutation
from cases.letters.writing import ORDER, RELEASE, ordered_from
from cases.models import Letter, Logo, Monitoring, Order, Person, Proof
from health_authorities.models import HealthAuthority, current, in_practice
from quarano.accounts.models import User
from quarano.letters import typesetting
from quarano.letters.typesetting import Cover, Part, Sheet
from quarano.notifications import texts, wording
from quarano.notifications.models import Message

Values = dict[str, str]
Blocks = dict[str, Callable[[], Part]]


def print_out(letters: Sequence[Letter], *, at: dt.datetime) -> bytes:
    """Return the letters as one PDF, with a cover list where there are several.

    `at` is when their run was opened: the date on the letters. The same letters give
    the same bytes, whoever prints them and when.
    """
    authority = current()
    day = authority.localdate(at)
    sheets = [sheet(letter.message, letter.person, on=day) for letter in letters]
    with translation.override(authority.default_language):
        is_one = len(letters) == 1
        title = _("Letter of %(day)s") if is_one else _("Letters of %(day)s")
        title %= {"day": _day(day)}
    cover = None if is_one else _cover(letters, at=at)
    return _typeset(sheets, title=title, at=at, cover=cover)


def _typeset(
    sheets: Sequence[Sheet], *, title: str, at: dt.datetime, cover: Cover | None = None
) -> bytes:
    authority, logo = current(), Logo.objects.first()
    return typesetting.typeset(
        sheets,
        title=title,
        author=authority.name,
        lang=authority.default_language,
        at=at,
        logo=typesetting.Logo(bytes(logo.content), logo.kind) if logo else None,
        cover=cover,
    )


def sample(*, at: dt.datetime) -> bytes:
    """Return a letter to nobody: how address, picture and footer look."""
    authority = current()
    with translation.override(authority.default_language):
        someone = Person(
            given_name=_("Given name"), family_name=_("Family name"),
            street=_("Street and number"), postal_code="00000", city=_("Town"),
        )  # fmt: skip
        block = ((_("Date"), _day(authority.localdate(at))),)
        parts = (
            typesetting.paragraph(_("Dear %(name)s,") % {"name": someone.name}),
            typesetting.paragraph(_("This is how letters of this authority look.")),
        )
        made = Sheet(
            lang=authority.default_language,
            office=authority.name,
            sender_line=" · ".join(_lines_of(authority)),
            addressee=(someone.name, someone.street, f"00000 {someone.city}"),
            block=block,
            subject=_("Sample"),
            parts=parts,
            foot=", ".join(_lines_of(authority)),
            page_words=_("page {n} of {m}"),
            mark=_("Personal"),
        )
        return _typeset([made], title=_("Sample"), at=at)


def _cover(letters: Sequence[Letter], *, at: dt.datetime) -> Cover:
    authority = current()
    with translation.override(authority.default_language):
        moment = date_format(authority.localtime(at), _("j F Y, G:i"))
        return Cover(
            lang=authority.default_language,
            subject=_("Print run of %(moment)s") % {"moment": moment},
            parts=(
                typesetting.paragraph(
                    _("This list stays here. The letters follow in its order.")
                ),
            ),
            # Translators: heads of columns: running number, name, kind of letter, pages
            head=(_("No."), _("Name"), _("Letter"), _("Pages")),
            rows=tuple(
                (str(place), letter.person.name, str(letter.get_kind_display()))
                for place, letter in enumerate(letters, 1)
            ),
            total=_("Together"),
            foot=_("%(office)s · confidential") % {"office": authority.name},
            page_words=_("page {n} of {m}"),
        )


def sheet(message: Message, person: Person, *, on: dt.date) -> Sheet:
    """Return a letter as it is set, in the language of its message, dated that day."""
    authority = current()
    language = texts.language_of(message.language)
    with translation.override(language):
        values, blocks = _CONTENTS[message.template](message, person, on)
        values |= _of_the_authority(authority, person) | {
            "name": person.name,
            "greeting": salutation(person, on=on),
        }
        text = texts.read(
            message.template, texts.LETTER, language, message.text_version
        )
        subject, parts = compose(text.source, values, blocks)
        reference = message.pk.hex[:8].upper()
        return Sheet(
            lang=language,
            office=authority.name,
            sender_line=" · ".join(_lines_of(authority)),
            addressee=addressee(person, on=on),
            block=tuple(
                (label, value)
                for label, value in (
                    (_("Our reference"), reference),
                    (_("Date"), _day(on)),
                    (_("Telephone"), authority.cases_phone and values["phone"]),
                    (_("E-mail"), _email(authority, person)),
                )
                if value
            ),
            subject=subject,
            parts=tuple(parts),
            foot=", ".join(_lines_of(authority)),
            # Translators: {n} and {m} are put in later; keep them as they are
            page_words=_("page {n} of {m}"),
            reference=reference,
            # Translators: above the address, so that nobody else opens the letter
            mark=_("Personal"),
            stamp=pgettext("banner", "PRACTICE") if in_practice() else "",
        )


def compose(
    source: str, values: Mapping[str, str], blocks: Mapping[str, Callable[[], Part]]
) -> tuple[str, list[Part]]:
    """Return subject and parts of a text.

    In one pass: what a value holds is never read as a placeholder or a mark.
    """
    subject, _rest, body = source.partition("\n")
    parts: list[Part] = []
    for lines in _paragraphs(body):
        text = "\n".join(lines).strip()
        if text.startswith("{") and text.endswith("}") and text[1:-1] in blocks:
            parts.append(blocks[text[1:-1]]())
        elif text.startswith("# "):
            parts.append(typesetting.heading(_fill(text[2:], values)))
        elif all(line.startswith("- ") for line in lines):
            parts.append(typesetting.items([_fill(line[2:], values) for line in lines]))
        elif filled := _fill(text, values).strip():
            parts.append(typesetting.paragraph(filled))
    return _fill(subject, values).strip(), _without_bare_headings(parts)


def _paragraphs(body: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in body.splitlines():
        if line.strip():
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def _fill(text: str, values: Mapping[str, str]) -> str:
    return wording.PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text)


def _without_bare_headings(parts: list[Part]) -> list[Part]:
    """A heading under which nothing stands goes with what would have stood there."""
    kept = []
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        is_bare = after is None or after["kind"] == "heading"
        if part["kind"] != "heading" or not is_bare:
            kept.append(part)
    return kept


# --- Who writes -----------------------------------------------------------------------


def _lines_of(authority: HealthAuthority) -> list[str]:
    town = f"{authority.postal_code} {authority.city}".strip()
    return [line for line in (authority.name, authority.street, town) if line]


def _is_isolated(person: Person) -> bool:
    return person.monitorings.filter(kind=Monitoring.Kind.ISOLATION).exists()


def _of_the_authority(authority: HealthAuthority, person: Person) -> Values:
    phones = (authority.cases_phone, authority.contacts_phone)
    own, other = phones if _is_isolated(person) else phones[::-1]
    return {
        "office": authority.name,
        "office_short": authority.short_name,
        "phone": own or other or _("our switchboard"),
    }


def _email(authority: HealthAuthority, person: Person) -> str:
    mails = (authority.cases_email, authority.contacts_email)
    own, other = mails if _is_isolated(person) else mails[::-1]
    return own or other


def _day(day: dt.date) -> str:
    return date_format(day, "DATE_FORMAT")


# --- What each says -------------------------------------------------------------------


def _invitation(message: Message, person: Person, on: dt.date) -> tuple[Values, Blocks]:
    secrets = json.loads(message.token or "{}")
    until = message.expires_at
    code = secrets.get("code", "")
    link = message.parameters["path"].format(token=secrets.get("token", ""))
    valid = _day(current().localdate(until)) if until else ""

    def access() -> Part:
        return typesetting.access(
            address=current().url(reverse("enrolment:landing")),
            address_words=_("Open this page"),
            code=code,
            code_words=_("and enter this code"),
            until=_("Page and code are good until %(day)s, and once only.")
            % {"day": valid},
            link=current().url(link),
            qr_words=_("QR code: it opens the page and enters the code."),
        )

    return {"until": valid}, {"access": access}


def _order(message: Message, person: Person, on: dt.date) -> tuple[Values, Blocks]:
    order = Order.objects.select_related("monitoring", "issued_by", "policy").get(
        pk=message.parameters["order"]
    )
    assert order.until is not None
    title, decision, duties = _measure(order)
    values = {
        "title": title,
        "decision": decision,
        "duties": duties,
        "start": _day(order.start),
        "until": _day(order.until),
        "legal_basis": order.legal_basis,
        "reasons": order.reasons,
        "remedies": order.remedies,
    }
    blocks: Blocks = {
        "sum": lambda: _sum(order),
        "signature": lambda: _signature(order.issued_by),
        "proof": lambda: _proof(message),
    }
    return values, blocks


def _measure(order: Order) -> tuple[str, str, str]:
    """Title, decision and what it means, of isolation or quarantine."""
    assert order.until is not None
    days = {"start": _day(order.start), "until": _day(order.until)}
    is_isolation = order.monitoring.is_isolation
    if order.effect == Order.Effect.LIFT:
        return (
            _("Your isolation is lifted")
            if is_isolation
            else _("Your quarantine is lifted"),
            _("What we ordered is lifted from %(until)s on.") % days,
            _("From then on you may leave your home again."),
        )
    titles = {
        Order.Effect.EXTEND: (
            _("Your isolation is extended"),
            _("Your quarantine is extended"),
        ),
        Order.Effect.SHORTEN: (
            _("Your isolation ends earlier"),
            _("Your quarantine ends earlier"),
        ),
    }.get(
        Order.Effect(order.effect), (_("Order of isolation"), _("Order of quarantine"))
    )
    decision = (
        _("You are isolated from %(start)s until the end of %(until)s (24:00).")
        if is_isolation
        else _(
            "You are in quarantine from %(start)s until the end of %(until)s (24:00)."
        )
    )
    duties = _(
        "Until then you stay at home, or where you stay at present. You do not leave "
        "it without our consent, and receive nobody who does not live with you. In an "
        "emergency, and to see a doctor, you may go out; say beforehand that you are "
        "under this order."
    )
    return titles[0 if is_isolation else 1], decision % days, duties


def _sum(order: Order) -> Part:
    rows = steps.in_words(order.steps)
    assert order.until is not None
    label = (
        _("Lifted on") if order.effect == Order.Effect.LIFT else _("Until the end of")
    )
    return typesetting.sum_(
        rows, head=(_("Step"), _("Day or number of days")),
        total=(label, _day(order.until)),
    )  # fmt: skip


def _signature(by: User | None) -> Part:
    return typesetting.signature(
        by=_("On behalf of the authority"),
        name=by.name if by else "",
        note=_("This letter is valid without a signature."),
    )


def _proof(message: Message) -> Part:
    found = Proof.objects.get(pk=message.parameters["proof"])
    link = current().url(reverse("proof", kwargs={"token": found.token}))
    return typesetting.proof(
        words=_("Is this letter genuine, and does it still hold? The code answers."),
        address=current().host,
        link=link,
        qr_words=_("QR code: whether this letter is genuine and still holds."),
    )


def _release(message: Message, person: Person, on: dt.date) -> tuple[Values, Blocks]:
    order = Order.objects.select_related("issued_by").get(
        pk=message.parameters["order"]
    )
    assert order.until is not None
    values = {
        "start": _day(ordered_from(order)),
        "until": _day(order.until),
        "who": _("%(name)s, born on %(day)s")
        % {"name": person.name, "day": _day(person.birth_date)}
        if person.birth_date
        else person.name,
    }
    blocks: Blocks = {
        "signature": lambda: _signature(order.issued_by),
        "proof": lambda: _proof(message),
    }
    return values, blocks


_CONTENTS: dict[
    str, Callable[[Message, Person, dt.date], tuple[dict[str, str], Blocks]]
] = {INVITATION: _invitation, ORDER: _order, RELEASE: _release}
