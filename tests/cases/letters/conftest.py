import io

import pytest
from pypdf import PdfReader

from cases import containment, intake
from cases.letters import composing, runs
from cases.models import Disease
from quarano.notifications.models import Message
from tests import factories
from tests.factories import NOW, TODAY


@pytest.fixture(autouse=True)
def sender(authority):
    """Neckartal's address and hotlines, in the memory of this test only."""
    authority.street, authority.postal_code = "Am Markt 1", "70001"
    authority.city = "Neckarfurt"
    authority.cases_phone, authority.contacts_phone = "0711 55501", "0711 55502"
    return authority


@pytest.fixture
def anna(authority):
    return factories.AnnaFactory()


@pytest.fixture
def home():
    return {"street": "Uferweg 1", "postal_code": "70001", "city": "Neckarfurt"}


@pytest.fixture
def ida(disease, anna, home):
    """An index case whose isolation is ordered, and told nobody yet."""
    case = intake.take_up(
        intake.Report(
            given_name="Ida", family_name="Sommer", disease=disease,
            birth_date=factories.IdaFactory.birth_date, onset_kind="date",
            onset=TODAY - 3 * factories.DAY, language="en", **home,
        ),
        by=anna, now=NOW,
    )  # fmt: skip
    containment.issue(case.monitorings.get(), by=anna, now=NOW)
    return case.person


@pytest.fixture
def disease(authority):
    return Disease.objects.get()


def order_of(person):
    """The order in force of a person with one monitoring."""
    return containment.in_force(person.monitorings.get())


def letter_text(message, by, at=NOW):
    """The text of a letter as it comes out of the printer."""
    run = runs.open_run(by=by, now=at, only=[message.pk])
    return read(composing.print_out(runs.note_print(run, by=by, now=at), at=at))


def read(pdf):
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def state(message):
    return Message.objects.get(pk=message.pk).state
