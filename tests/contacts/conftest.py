import pytest

from cases import intake
from cases.models import Disease
from contacts import naming
from contacts.naming import ContactDetails, Meeting
from tests import factories
from tests.factories import DAY, NOW, TODAY


@pytest.fixture
def anna(authority):
    return factories.AnnaFactory()


@pytest.fixture
def disease(authority):
    return Disease.objects.get()


def report(person, *, by, now=NOW, onset=TODAY - 3 * DAY, **fields):
    """Take up a case whose onset was three days ago."""
    values = {
        "person": person, "disease": Disease.objects.get(), "onset": onset,
        "onset_kind": "date" if onset else "not_asked", "classification": "confirmed",
        "specimen_date": TODAY - DAY,
    } | fields  # fmt: skip
    return intake.take_up(intake.Report(**values), by=by, now=now)


@pytest.fixture
def case(anna):
    """Ida's."""
    return report(factories.IdaFactory(), by=anna)


@pytest.fixture
def ida(case):
    """Ida's login."""
    return factories.UserFactory(email=case.person.email, name="Ida Sommer")


def meeting(back=1, **said):
    """So many days ago, an hour at one table."""
    values = {"setting": "work", "distance": "near", "minutes": 60, "masks": "none"}
    return Meeting(day=TODAY - back * DAY, **(values | said))


@pytest.fixture
def named(case, anna):
    """Names a contact of Ida's; as Anna, yesterday at work, whatever is not said."""

    def name(*meetings, by=anna, met=None, now=NOW, person=None, **details):
        values = {"given_name": "Kolja", "family_name": "Brenner",
                  "mobile": "+491713920002"} | details  # fmt: skip
        return naming.name_contact(
            met or case.person,
            ContactDetails(**values),
            meetings=meetings or [meeting()],
            person=person,
            by=by,
            now=now,
        )

    return name
