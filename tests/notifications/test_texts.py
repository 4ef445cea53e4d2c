import datetime as dt
import uuid
from types import SimpleNamespace

import pytest
from django.template import TemplateDoesNotExist
from django.utils import translation

from quarano.audit.models import Event
from quarano.notifications import outbox, texts
from quarano.notifications.models import TextVersion
from quarano.notifications.rendering import context, render

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
ADA = SimpleNamespace(pk=uuid.uuid4(), roles=["administrator"])
INVITATION = "cases/messages/invitation"
SMS = (INVITATION, "sms", "de")


def revise(source="Hier: {link} {code}", based_on="1", of=SMS):
    return texts.revise(*of, source=source, based_on=based_on, by=ADA, now=NOW)


def invitation(purpose="invitation:1", **kwargs):
    values = {
        "template": INVITATION, "channel": "sms", "recipient": "+4915112345678",
        "language": "de", "now": NOW, "token": '{"token": "t0ken", "code": "ABCD"}',
        "parameters": {"path": "/enrolment/link/{token}/"}, **kwargs,
    }  # fmt: skip
    return outbox.write(purpose, **values)


# --- The shipped text ----------------------------------------------------------------


def every_text():
    for kind in texts.KINDS.values():
        for channel in kind.channels:
            for language in ("de", "en"):
                yield pytest.param(
                    kind, channel, language, id=f"{kind.template}-{channel}-{language}"
                )


@pytest.mark.parametrize(("kind", "channel", "language"), list(every_text()))
def test_a_shipped_text_names_only_what_it_may_and_all_that_it_must(
    authority, kind, channel, language
):
    shipped = texts.shipped(kind.template, channel, language)

    named = texts.placeholders(shipped)
    assert named <= set(kind.allowed)
    assert named >= kind.required.get(channel, frozenset())


@pytest.mark.parametrize(("kind", "channel", "language"), list(every_text()))
def test_a_shipped_text_reads_as_its_file_does(authority, kind, channel, language):
    if channel == texts.LETTER:
        return
    message = invitation(template=kind.template, channel=channel, language=language)
    from django.template.loader import get_template

    with translation.override(language):
        file = get_template(f"{kind.template}.{channel}.txt")
        wanted = file.render(context(message, authority)).strip()
    found = render(message)
    assert f"{found.subject}\n\n{found.body}".split() == wanted.split()


def test_without_a_version_of_its_own_an_authority_uses_the_shipped_text(authority):
    text = texts.current(*SMS)

    assert (text.version, text.is_shipped) == (texts.SHIPPED, True)
    assert "{link}" in text.source
    assert "{office}" in text.source


def test_a_text_that_nobody_shipped_is_missing(authority):
    with pytest.raises(TemplateDoesNotExist):
        texts.current("cases/messages/none", "sms", "de")


def test_a_language_without_texts_is_the_authoritys(authority):
    authority.default_language = "en"
    assert texts.current(INVITATION, "sms", "tr") == texts.current(
        INVITATION, "sms", "en"
    )


# --- Own versions --------------------------------------------------------------------


def test_a_new_wording_is_in_use_at_once_and_is_recorded(authority):
    made = revise()

    assert texts.current(*SMS) == texts.Text("Hier: {link} {code}", "2", False)
    assert (made.number, made.written_by, made.written_at) == (2, ADA.pk, NOW)
    event = Event.objects.get(verb="text.revised")
    assert event.codes["text"] == INVITATION
    assert "Hier" not in str(event.codes)


def test_other_channels_and_languages_keep_theirs(authority):
    revise()

    for channel, language in (("mail", "de"), ("sms", "en")):
        assert texts.current(INVITATION, channel, language).is_shipped


def test_the_other_authority_keeps_its_texts(authority, other_authority):
    from django_tenants.utils import tenant_context

    revise()

    with tenant_context(other_authority):
        assert texts.current(*SMS).is_shipped


def test_a_message_keeps_the_version_it_was_written_with(authority):
    before = invitation("invitation:1")
    revise()
    between = invitation("invitation:2")
    revise("Und hier: {link}", based_on="2")
    after = invitation("invitation:3")

    assert [one.text_version for one in (before, between, after)] == ["1", "2", "3"]
    assert render(before).body.startswith("Das Gesundheitsamt")
    assert render(between).body == (
        "Hier: http://neckartal.localhost:8000/enrolment/link/t0ken/ ABCD\n"
    )
    assert render(after).body.startswith("Und hier")


def test_the_first_line_of_an_own_mail_is_its_subject(authority):
    revise("Post vom Amt\n\nBitte öffnen: {link}", of=(INVITATION, "mail", "de"))

    rendered = render(invitation(channel="mail", recipient="ida@example.org"))

    assert rendered.subject == "Post vom Amt"
    assert rendered.body.startswith("Bitte öffnen: http")


def test_what_stands_in_a_value_is_never_read_as_a_placeholder(authority):
    text = texts.Text("{office}: {code}", "2", is_shipped=False)

    filled = text.filled({"office": "{code} {link}", "code": "{office}"})

    assert filled == "{code} {link}: {office}"


@pytest.mark.parametrize(
    "source",
    ["{{ authority.schema_name }}", "{% load i18n %}", "{authority.name}", "{0}",
     "{link!r}", "{link.__class__}", "{settings}"],
)  # fmt: skip
def test_a_text_is_no_template(authority, source):
    filled = texts.Text(source, "2", is_shipped=False).filled({"link": "x"})

    assert "neckartal" not in filled
    assert filled in {source, ""}


def test_the_shipped_text_can_be_restored(authority):
    revise()
    shipped = texts.shipped(*SMS)

    texts.restore(*SMS, based_on="2", by=ADA, now=NOW)

    assert texts.current(*SMS) == texts.Text(shipped, "3")
    assert Event.objects.filter(verb="text.restored").count() == 1
    assert [one.number for one in texts.history(*SMS)] == [3, 2]
    # And from there it can be worded anew.
    revise("Wieder: {link}", based_on="3")
    assert texts.current(*SMS).source == "Wieder: {link}"


def test_the_second_of_two_who_edit_at_once_sees_the_first_ones_text(authority):
    revise("Von Ada: {link}")

    with pytest.raises(texts.Outdated) as raised:
        revise("Von Bea: {link}")

    assert raised.value.current.source == "Von Ada: {link}"
    assert TextVersion.objects.count() == 1
    with pytest.raises(texts.Outdated):
        texts.restore(*SMS, based_on="1", by=ADA, now=NOW)


def test_the_same_wording_is_no_new_version(authority):
    with pytest.raises(texts.Unchanged):
        revise(texts.shipped(*SMS))
    with pytest.raises(texts.Unchanged):
        texts.restore(*SMS, based_on="1", by=ADA, now=NOW)
    assert not TextVersion.objects.exists()
