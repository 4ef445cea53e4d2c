"""What may be put into use: placeholders on the list, and nothing of an illness."""

import pytest

from quarano.notifications import texts, wording
from quarano.notifications.kinds import KINDS, LETTER, MAIL, SMS, Kind

INVITATION = KINDS["cases/messages/invitation"]
LETTER_OF_ORDER = Kind(
    "x/messages/order", "Order", channels=(LETTER,),
    placeholders={"until": "last day"}, neutral=False,
)  # fmt: skip


def codes(source, channel=SMS, kind=INVITATION):
    return {(one.part, one.code) for one in wording.problems(kind, channel, source)}


def every_shipped_text():
    return [
        pytest.param(
            kind, channel, language, id=f"{kind.template}-{channel}-{language}"
        )
        for kind in KINDS.values()
        for channel in kind.channels
        for language in ("de", "en")
    ]


@pytest.mark.parametrize(("kind", "channel", "language"), every_shipped_text())
def test_bar_29_a_shipped_text_may_be_put_into_use(authority, kind, channel, language):
    source = texts.shipped(kind.template, channel, language)

    assert wording.problems(kind, channel, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "Bitte hier: {link}",
        "{office}: etwas für Sie: {link} Code {code}",
        "Tel. {phone}, Infos unter https://www.neckartal.example/tagebuch: {link}",
        "Sehr geehrte Damen und Herren, hier: {link}",
        "Liebe Eltern, hier: {link}",
        "Dear Sir or Madam: {link}",
        "We will be there until then; a still day: {link}",
        "Bitte schimpfen Sie nicht, protestieren Sie: {link}",
        "Herzliche Grüße, {office} {link}",
        "Здравствуйте! {link}",
        "مرحبا {link}",
    ],
)
def test_what_says_nothing_may_be_said(source):
    assert codes(source) == set()


@pytest.mark.parametrize(
    "word",
    [
        "Corona", "COVID-19", "Virus", "Coronavirusinfektion", "Erkrankung", "krank",
        "Quarantäne", "quarantine", "Isolation", "isolated", "Symptome", "symptoms",
        "positiv", "positive", "PCR", "Kontaktperson", "contact person", "infected",
        "Infektionsschutz", "ill", "sick", "illness", "fever", "Fieber", "Diagnose",
        "Testergebnis", "ansteckend", "Schnelltest", "Patient", "Impfung",
        "Co\u00adrona", "Ｃｏｒｏｎａ", "Quaran\u200dtäne",
    ],
)  # fmt: skip
def test_bar_29_a_word_of_illness_is_refused_and_named(word):
    (found,) = wording.problems(INVITATION, SMS, f"Wegen {word}: {{link}}")

    assert (found.part, found.code) == ("body", "health")
    assert word[:2].lower() in found.sentence.lower() or word.startswith("Ｃ")


@pytest.mark.parametrize(
    "source",
    ["Frau Sommer, hier: {link}", "Sehr geehrter Herr Dr. Brenner: {link}",
     "Dear Ida, {link}", "Hallo Ida Sommer {link}", "Liebe Ida! {link}",
     "Mrs. Sommer: {link}", "Hi Özlem, {link}"],
)  # fmt: skip
def test_bar_29_a_text_names_nobody(source):
    assert ("body", "name") in codes(source)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{name}: {link}", "unknown"),
        ("{given_name} {link}", "unknown"),
        ("{link} {", "brackets"),
        ("{{link}}", "brackets"),
        ("{link.url}", "brackets"),
        ("{% now 'Y' %}{link}", "brackets"),
        ("{0} {link}", "brackets"),
        ("{link!r}{link}", "brackets"),
        ("{LINK} {link}", "brackets"),
        ("hier", "missing"),
        ("", "empty"),
        ("x" * 5_001 + "{link}", "long"),
        ("gut\u202e{link}", "unseen"),
        ("gut\x00{link}", "unseen"),
    ],
)
def test_what_is_wrong_is_said_at_its_part(source, code):
    assert ("body", code) in codes(source)


def test_an_unknown_name_is_answered_with_those_allowed():
    found = wording.problems(INVITATION, SMS, "{firstname} {link}")

    (sentence,) = [one.sentence for one in found]
    assert "{firstname}" in sentence
    for name in ("{code}", "{link}", "{office}", "{office_short}", "{phone}"):
        assert name in sentence


def test_a_subject_is_looked_at_as_well():
    assert codes("\n\n{link}", MAIL) == {("subject", "empty")}
    assert codes("Corona\n\n{link}", MAIL) == {("subject", "health")}
    assert codes("{nobody}\n\n{link}", MAIL) == {("subject", "unknown")}
    assert codes("x" * 121 + "\n\n{link}", MAIL) == {("subject", "long")}
    # The link has to stand where it can be opened.
    assert codes("{link}\n\nText", MAIL) == {("body", "missing")}


def test_a_letter_of_order_says_what_it_is_about():
    assert codes("Ihre Quarantäne endet {until}.", LETTER, LETTER_OF_ORDER) == set()
    assert codes("{link}", LETTER, LETTER_OF_ORDER) == {("body", "unknown")}


def test_subject_and_body_are_taken_apart_and_joined_again():
    source = wording.joined(MAIL, " Post ", "\r\nHallo\r\n\r\n{link}\r\n")
    assert source == "Post\n\nHallo\n\n{link}"
    assert wording.parts(MAIL, source) == ("Post", "Hallo\n\n{link}")
    assert wording.parts(SMS, "Hallo\n{link}") == ("", "Hallo\n{link}")


def test_a_text_message_has_its_limit(settings):
    settings.SMS_MOST_SEGMENTS = 2
    assert wording.too_many_segments(SMS, "x" * 306) is None
    assert "3" in wording.too_many_segments(SMS, "x" * 307).sentence
    assert wording.too_many_segments(MAIL, "x" * 5_000) is None


def test_no_way_leads_past_the_check(authority):
    import datetime as dt
    from types import SimpleNamespace
    from uuid import uuid4

    with pytest.raises(wording.Unfit):
        texts.revise(
            "cases/messages/invitation", "sms", "de", source="Corona: {link}",
            based_on="1", by=SimpleNamespace(pk=uuid4(), roles=["administrator"]),
            now=dt.datetime(2026, 11, 17, tzinfo=dt.UTC),
        )  # fmt: skip
    assert texts.current("cases/messages/invitation", "sms", "de").is_shipped
