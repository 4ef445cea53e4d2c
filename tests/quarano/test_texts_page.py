"""Where an authority words its texts, for those who may and for those who may not."""

import html

import pytest
import time_machine
from django.db import connection
from django.urls import reverse

from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.notifications import texts
from quarano.notifications.models import Message, TextVersion
from quarano.notifications.rendering import render
from tests import world as worlds

NOW = worlds.NOW
SMS = ("cases/messages/invitation", "sms", "de")
PAGE = "/texts/cases-invitation-sms-de/"
MAIL_PAGE = "/texts/cases-invitation-mail-de/"


@pytest.fixture
def world(authority):
    with time_machine.travel(NOW, tick=False):
        yield worlds.build()


@pytest.fixture
def ask(world):
    """Get or post as somebody; back in the authority's schema afterwards."""

    def asked(role, path, data=None):
        client = world.client(world.staff[role], **{"accept-language": "en"})
        connection.set_schema_to_public()
        answer = client.post(path, data) if data is not None else client.get(path)
        connection.set_tenant(world.authority)
        return answer

    return asked


def said(answer):
    return html.unescape(answer.content.decode())


def test_the_list_says_which_wording_is_in_use(ask, world):
    page = said(ask("administrator", "/texts/"))
    assert page.count("as shipped") == 2 * sum(
        len(kind.channels) for kind in texts.KINDS.values()
    )
    ask("administrator", PAGE, {"body": "Hier: {link}", "version": "1", "do": "save"})
    page = said(ask("administrator", "/texts/"))
    assert "version 2" in page
    assert world.staff["administrator"].name in page


@pytest.mark.parametrize(
    ("role", "status"),
    [("administrator", 200), ("supervisor", 200), ("case_worker", 403),
     ("physician", 403), ("epidemiologist", 403)],
)  # fmt: skip
def test_only_whoever_may_words_texts(ask, role, status):
    for path in ("/texts/", PAGE, "/texts/mail/"):
        assert ask(role, path).status_code == status
    save = {"body": "Hier: {link}", "version": "1", "do": "save"}
    assert ask(role, PAGE, save).status_code == (302 if status == 200 else 403)


def test_a_text_that_is_none_is_not_found(ask):
    for name in ("cases-invitation-sms-tr", "accounts-password_reset-mail-de", "x"):
        assert ask("administrator", f"/texts/{name}/").status_code == 404


def test_a_wording_is_put_into_use(ask):
    answer = ask(
        "administrator", PAGE, {"body": "Hier: {link}", "version": "1", "do": "save"}
    )
    assert answer.status_code == 302
    assert texts.current(*SMS).source == "Hier: {link}"
    assert "Version 2" in said(ask("administrator", PAGE))


def test_a_mail_has_a_subject_of_its_own(ask):
    ask(
        "administrator",
        MAIL_PAGE,
        {"subject": "Post", "body": "Hier:\r\n{link}", "version": "1", "do": "save"},
    )
    text = texts.current("cases/messages/invitation", "mail", "de")
    assert text.source == "Post\n\nHier:\n{link}"


def test_what_is_wrong_stands_at_the_field_and_nothing_is_saved(ask):
    answer = ask(
        "administrator",
        MAIL_PAGE,
        {"subject": "Corona", "body": "{name}", "version": "1", "do": "save"},
    )
    assert answer.status_code == 422
    page = said(answer)
    assert "leave out “corona”" in page
    assert "{name} is not known here. Allowed: {code}, {link}" in page
    assert "optional" not in page
    assert "Without {link} the text is of no use" in page
    assert not TextVersion.objects.exists()


def test_an_empty_text_is_told_once(ask):
    answer = ask("administrator", MAIL_PAGE, {"version": "1", "do": "save"})
    page = said(answer)
    assert answer.status_code == 422
    assert page.count("The text is empty.") == 1
    assert page.count("A mail needs a subject.") == 1


def test_too_long_a_text_message_is_refused_with_its_segments(ask, settings):
    settings.SMS_MOST_SEGMENTS = 2
    body = "x" * 400 + "{link}"
    answer = ask("administrator", PAGE, {"body": body, "version": "1", "do": "save"})
    assert answer.status_code == 422
    assert "This makes 4 segments; at most 2 are sent." in said(answer)


def test_the_page_counts_segments_with_a_link_as_long_as_real_ones(ask, world):
    page = said(ask("administrator", PAGE))
    real = render(Message.objects.get(about=world.kolja.pk, channel="mail"))
    link = next(word for word in real.body.split() if "/enrolment/link/" in word)
    path = "/enrolment/link/" + "x" * 43 + "/"
    sample = world.authority.url(path)
    assert len(sample) == len(link)
    assert sample in page
    assert "GSM-7" in page


def test_the_second_of_two_sees_both_and_overwrites_nothing_unseen(ask):
    first = {"body": "Von Ada: {link}", "version": "1", "do": "save"}
    ask("administrator", PAGE, first)
    second = {"body": "Von Bea: {link}", "version": "1", "do": "save"}

    answer = ask("supervisor", PAGE, second)

    assert answer.status_code == 422
    page = said(answer)
    assert "Von Ada: {link}" in page
    assert "Von Bea: {link}" in page
    assert texts.current(*SMS).source == "Von Ada: {link}"
    assert 'name="version" value="2"' in page
    ask("supervisor", PAGE, {**second, "version": "2"})
    assert texts.current(*SMS).source == "Von Bea: {link}"


def test_pressing_twice_saves_once(ask):
    save = {"body": "Hier: {link}", "version": "1", "do": "save"}
    ask("administrator", PAGE, save)
    assert ask("administrator", PAGE, save).status_code == 302
    assert TextVersion.objects.count() == 1


def test_the_shipped_text_comes_back_and_an_older_one_can_be_taken_up(ask):
    ask("administrator", PAGE, {"body": "Eins: {link}", "version": "1", "do": "save"})
    assert "Back to the shipped text" in said(ask("administrator", PAGE))
    ask("administrator", PAGE, {"version": "2", "do": "restore"})
    assert texts.current(*SMS).is_shipped
    page = said(ask("administrator", f"{PAGE}?version=2"))
    assert "Eins: {link}</textarea>" in page
    assert 'name="version" value="3"' in page
    for nonsense in ("9", "x", "-1", "0"):
        answer = ask("administrator", f"{PAGE}?version={nonsense}")
        assert answer.status_code == 200
        assert "Eins: {link}</textarea>" not in said(answer)


def test_restoring_an_outdated_page_restores_nothing(ask):
    ask("administrator", PAGE, {"body": "Eins: {link}", "version": "1", "do": "save"})
    answer = ask("administrator", PAGE, {"body": "x", "version": "1", "do": "restore"})
    assert answer.status_code == 422
    assert not texts.current(*SMS).is_shipped


# --- Preview -------------------------------------------------------------------------


def test_a_preview_changes_nothing(ask):
    answer = ask(
        "administrator", PAGE, {"body": "Neu: {link}", "version": "1", "do": "preview"}
    )
    assert answer.status_code == 200
    assert "Neu: http://neckartal.localhost" in said(answer)
    assert not TextVersion.objects.exists()
    assert not Message.objects.filter(template__contains="trial").exists()


def test_a_preview_for_a_person_is_recorded_as_a_view(ask, world):
    answer = ask(
        "supervisor",
        PAGE,
        {
            "body": "Neu: {link}", "version": "1", "do": "preview",
            "reader": f"{world.kolja.given_name} {world.kolja.family_name}",
        },
    )  # fmt: skip
    page = said(answer)
    assert f"For {world.kolja.name}" in page
    assert world.kolja.mobile.as_e164 in page
    event = Event.objects.get(verb="text.viewed")
    assert event.person == world.kolja.pk


def test_an_administrator_sees_no_person(ask, world):
    typed = {
        "body": "{link}", "version": "1", "do": "preview",
        "reader": world.kolja.family_name,
    }  # fmt: skip
    assert "as this person gets it" not in said(ask("administrator", PAGE))
    page = said(ask("administrator", PAGE, typed))
    assert world.kolja.mobile.as_e164 not in page
    assert not Event.objects.filter(verb="text.viewed").exists()


def test_nobody_found_is_said(ask):
    answer = ask(
        "supervisor",
        PAGE,
        {"body": "{link}", "version": "1", "do": "preview", "reader": "Nobodyxyz"},
    )
    assert answer.status_code == 422
    assert "Nobody found for “Nobodyxyz”" in said(answer)


# --- Trial ---------------------------------------------------------------------------


def test_a_trial_goes_to_the_officials_own_address_and_once(ask, world):
    typed = {"subject": "Post", "body": "Neu: {link}", "version": "1", "do": "try"}

    for _twice in range(2):
        answer = ask("administrator", MAIL_PAGE, typed)
        assert answer.status_code == 200

    message = Message.objects.get(template="notifications/messages/trial")
    assert message.recipient == world.staff["administrator"].email
    rendered = render(message)
    assert rendered.subject.endswith("Post")
    assert rendered.body.startswith("Neu: http://neckartal.localhost")
    assert Event.objects.filter(verb="text.tried").count() == 1
    assert not TextVersion.objects.exists()


def test_a_trial_by_text_message_needs_a_number_of_ones_own(ask, world):
    typed = {"body": "Neu: {link}", "version": "1", "do": "try"}
    assert "Send to me" not in said(ask("administrator", PAGE))
    assert ask("administrator", PAGE, typed).status_code == 422
    ada = world.staff["administrator"]
    ada.mobile = "+491713920066"
    ada.save(update_fields=["mobile"])
    assert ask("administrator", PAGE, typed).status_code == 200
    message = Message.objects.get(template="notifications/messages/trial")
    assert message.recipient == "+491713920066"


def test_what_may_not_be_used_is_not_tried_either(ask):
    typed = {"subject": "x", "body": "Corona {link}", "version": "1", "do": "try"}
    assert ask("administrator", MAIL_PAGE, typed).status_code == 422
    assert not Message.objects.filter(template__contains="trial").exists()


# --- What the domain has to say ------------------------------------------------------


def test_the_page_says_what_the_domain_has_to_say(ask, settings):
    settings.BOUNCE_ADDRESS = "bounces@back.example"
    settings.MAIL_SPF = "ip4:192.0.2.1"
    settings.DKIM_SELECTOR, settings.DKIM_PUBLIC_KEY = "q1", "MIIB"
    page = said(ask("administrator", "/texts/mail/"))
    assert "v=spf1 ip4:192.0.2.1 -all" in page
    assert "q1._domainkey.neckartal.example" in page
    assert "v=DKIM1; k=rsa; p=MIIB" in page
    assert "_dmarc.neckartal.example" in page
    assert "rests on DKIM alone" in page


def test_the_command_prints_the_same_records(authority, settings, capsys):
    from django.core.management import CommandError, call_command

    connection.set_schema_to_public()
    settings.EMAIL_HOST = "mx.quarano.example"
    call_command("check_mail", "neckartal")
    told = capsys.readouterr().out
    assert 'neckartal.example. IN TXT "v=spf1 a:mx.quarano.example -all"' in told
    assert "BOUNCE_ADDRESS is not set" in told
    assert "Mail leaves unencrypted" in told
    assert "spreetal" not in told
    call_command("check_mail")
    assert "spreetal.example" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("check_mail", "nowhere")


def test_the_menu_leads_there(ask):
    assert reverse("texts:index") in said(ask("supervisor", "/texts/"))


def test_a_letter_is_looked_at_and_never_sent_on_trial(ask, world):
    ada = world.staff["administrator"]
    User.objects.filter(pk=ada.pk).update(mobile="+4917139200199")
    page = "/texts/cases-letters-invitation-letter-de/"
    assert "Send to me" not in said(ask("administrator", page))
    typed = {"body": "Post\n\n{access}", "version": "1", "do": "try"}
    answer = ask("administrator", page, typed)
    assert "no address of this kind" in said(answer)
    assert not Message.objects.filter(template__contains="trial").exists()
