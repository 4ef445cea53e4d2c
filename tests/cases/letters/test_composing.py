"""What the letters say, read back from the PDF."""

import datetime as dt

import pytest

from cases import containment, enrolment
from cases.letters import composing, runs, writing
from cases.models import EnrolmentCode, Proof, Reporter
from quarano.letters import typesetting
from quarano.notifications import texts
from quarano.notifications.models import Message
from tests import factories
from tests.cases.letters.conftest import letter_text, order_of, read
from tests.factories import DAY, NOW, TODAY

ILLNESS = (
    "covid", "corona", "sars", "isolation", "quarant", "infekt", "infect", "krank",
    "illness", "virus", "positiv", "symptom",
)  # fmt: skip


@pytest.fixture
def invited(ida, anna):
    enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    return Message.objects.get(channel="letter")


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_invitation_holds_the_code_and_no_word_of_an_illness(
    ida, anna, invited, language
):
    Message.objects.update(language=language)
    code = EnrolmentCode.objects.get()
    text = letter_text(invited, anna)
    assert code.selector in text
    spelled = text[text.index(code.selector + "-") :][:20]
    assert enrolment.look_up_code(spelled, now=NOW) == code
    assert "Ida Sommer" in text
    assert "Uferweg 1" in text
    assert "/enrolment/" in text
    for word in ILLNESS:
        assert word not in text.lower(), word


def test_the_invitation_says_how_long_its_code_lives(invited, anna):
    assert "8 December 2026" in letter_text(invited, anna)


def test_the_order_says_what_why_and_how_to_object(ida, anna, sender):
    sender.default_language = "en"
    order = order_of(ida)
    text = letter_text(writing.write_order(order, by=anna, now=NOW), anna)
    assert "Order of isolation" in text
    decision = "isolated from 24 November 2026 until the end of 1 December 2026 (24:00)"
    assert decision in text
    assert "page 1 of 1" in text
    onset = "Symptom onset (day 0) recorded by the authority 21 November 2026"
    assert onset in text
    assert "+ 10 days" in text
    assert order.legal_basis in text
    assert " ".join(order.remedies.split()) in text
    assert anna.name in text
    assert "valid without a signature" in text
    assert "0711 55501" in text, "the hotline for cases"


def test_an_order_replaced_is_worded_by_its_effect(ida, anna, sender):
    sender.default_language = "en"
    monitoring = ida.monitorings.get()
    containment.extend(
        monitoring, until=TODAY + 12 * DAY, reasons="fever on the last day", by=anna,
        now=NOW,
    )  # fmt: skip
    text = letter_text(writing.write_order(order_of(ida), by=anna, now=NOW), anna)
    assert "Your isolation is extended" in text
    assert "fever on the last day" in text


def test_an_order_is_written_in_the_language_of_the_authority(ida, anna):
    text = letter_text(writing.write_order(order_of(ida), by=anna, now=NOW), anna)
    assert "Anordnung der Isolation" in text
    assert "Guten Tag Ida Sommer" in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_certificate_names_days_and_no_illness(ida, anna, sender, language):
    sender.default_language = language
    containment.lift(ida.monitorings.get(), reasons="well", by=anna, now=NOW + DAY)
    written = writing.write_release(ida.monitorings.get(), by=anna, now=NOW + DAY)
    text = letter_text(written, anna, NOW + DAY)
    assert "Ida Sommer" in text
    for day in ("24", "25"):
        assert day in text
    for word in ILLNESS:
        assert word not in text.lower(), word


def test_a_childs_letter_goes_to_the_parents(ida, anna, sender):
    sender.default_language = "en"
    ida.birth_date = TODAY - 10 * 366 * DAY
    ida.birth_date_source = "official"
    ida.save()
    written = writing.write_order(order_of(ida), by=anna, now=NOW)
    sheet = composing.sheet(written, ida, on=TODAY)
    assert sheet.addressee[:2] == ("To the parents of", "Ida Sommer")
    mother = factories.UserFactory(name="Marta Sommer")
    factories.ReporterFactory(
        user=mother, person=ida, kind=Reporter.Kind.CUSTODY, since=TODAY
    )
    sheet = composing.sheet(written, ida, on=TODAY)
    assert sheet.addressee[:2] == ("Marta Sommer", "for Ida Sommer")
    assert sheet.parts[0]["text"] == "Dear Marta Sommer,"


def test_a_helper_gets_no_letter_of_an_adult(ida, anna):
    neighbour = factories.UserFactory(name="Nils Nachbar")
    factories.ReporterFactory(
        user=neighbour, person=ida, kind=Reporter.Kind.HELPER, since=TODAY
    )
    written = writing.write_order(order_of(ida), by=anna, now=NOW)
    assert composing.sheet(written, ida, on=TODAY).addressee[0] == "Ida Sommer"


def test_a_letter_goes_where_the_person_stays(ida):
    ida.stay_street, ida.stay_city = "Gasthofweg 3", "Bergen"
    ida.stay_from, ida.stay_until = TODAY, TODAY + DAY
    assert ida.postal_address(TODAY) == ("Gasthofweg 3", "Bergen")
    assert ida.postal_address(TODAY + 2 * DAY)[0] == "Uferweg 1"
    ida.street = ""
    assert ida.postal_address(TODAY + 2 * DAY) == ()


HOSTILE = '#read("/etc/passwd") {sum} {{ user }} $x$ @a \\ \n\n# Heading\n- {proof}'


def test_reasons_that_look_like_code_or_placeholders_stay_text(ida, anna):
    ida.given_name, ida.family_name = "{sum}", "# Sommer"
    ida.save()
    containment.extend(
        ida.monitorings.get(), until=TODAY + 12 * DAY, reasons=HOSTILE, by=anna, now=NOW
    )
    text = letter_text(writing.write_order(order_of(ida), by=anna, now=NOW), anna)
    assert " ".join(HOSTILE.split()) in text
    assert "{sum} # Sommer" in text
    assert text.count("Symptombeginn (Tag 0)") == 1


def test_a_text_is_composed_of_paragraphs_headings_lists_and_blocks():
    source = (
        "About {name}\n\nDear {name},\n\n# Why\n\n{sum}\n\n- one\n- {name}\n\n"
        "{nothing}\n\n# Empty\n\n{reasons}\n"
    )
    blocks = {"sum": lambda: {"kind": "sum"}}
    subject, parts = composing.compose(
        source, {"name": "Ida {sum}", "reasons": ""}, blocks
    )
    assert subject == "About Ida {sum}"
    assert parts == [
        typesetting.paragraph("Dear Ida {sum},"),
        typesetting.heading("Why"),
        {"kind": "sum"},
        typesetting.items(["one", "Ida {sum}"]),
    ], "a heading with nothing below it goes as well"


def test_several_letters_lie_under_a_list_and_are_the_same_bytes_again(
    ida, anna, invited
):
    writing.write_order(order_of(ida), by=anna, now=NOW)
    run = runs.open_run(by=anna, now=NOW)
    letters = runs.note_print(run, by=anna, now=NOW)
    pdf = composing.print_out(letters, at=NOW)
    assert pdf == composing.print_out(letters, at=NOW)
    assert read(pdf).startswith("Drucklauf vom 24. November 2026, 10:00")


def test_the_proof_is_made_once_and_its_token_is_stored_sealed(ida, anna):
    first = writing.write_order(order_of(ida), by=anna, now=NOW)
    writing.withdraw(first.pk, by=anna, now=NOW)
    writing.write_order(order_of(ida), by=anna, now=NOW + dt.timedelta(hours=1))
    assert Proof.objects.count() == 1


def test_the_sample_letter_names_nobody(authority):
    text = read(composing.sample(at=NOW))
    assert "Gesundheitsamt Neckartal" in text
    assert "Muster" in text


def test_an_authoritys_own_wording_is_printed_in_the_version_of_the_letter(
    ida, anna, sender
):
    sender.default_language = "en"
    place = ("cases/letters/order", texts.LETTER, "en")
    before = writing.write_order(order_of(ida), by=anna, now=NOW)
    texts.revise(
        *place,
        source="Our own subject\n\n{decision}\n\n{legal_basis}\n\n{sum}\n\n"
        "{remedies}\n\n{signature}",
        based_on=texts.SHIPPED,
        by=anna,
        now=NOW,
    )
    assert "Our own subject" not in letter_text(before, anna)
    run = before.letters.get().run
    runs.post(run, by=anna, now=NOW)
    after = writing.write_order(order_of(ida), by=anna, now=NOW)
    text = letter_text(after, anna)
    assert "Our own subject" in text
    assert "You are isolated from 24 November 2026" in text


@pytest.mark.parametrize("is_practice", [True, False])
def test_a_letter_of_a_practice_is_stamped_as_one(
    invited, anna, authority, monkeypatch, is_practice
):
    monkeypatch.setattr(authority, "is_practice", is_practice)
    Message.objects.update(language="en")
    assert ("PRACTICE" in letter_text(invited, anna)) == is_practice
