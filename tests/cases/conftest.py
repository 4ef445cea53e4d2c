import pytest

from cases import intake
from cases.models import Disease
from tests import factories
from tests.factories import DAY, NOW, TODAY


@pytest.fixture
def anna(authority):
    return factories.AnnaFactory()


@pytest.fixture
def oemer(authority):
    return factories.OemerFactory()


@pytest.fixture
def paula(authority):
    """A physician."""
    return factories.PhysicianFactory()


@pytest.fixture
def disease(authority):
    return Disease.objects.get()


@pytest.fixture
def taken_up(disease, anna):
    """Takes up a case as Anna, at 10:00 on Tuesday: Ida's, whatever is not said."""

    def take_up(*, now=NOW, by=anna, **fields):
        report = {
            "given_name": "Ida",
            "family_name": "Sommer",
            "birth_date": factories.IdaFactory.birth_date,
            "mobile": "+491713920001",
            "email": "ida@example.org",
            "disease": disease,
            "classification": "confirmed",
            "onset": TODAY - 3 * DAY,
            "onset_kind": "date",
        }
        return intake.take_up(intake.Report(**(report | fields)), by=by, now=now)

    return take_up


@pytest.fixture
def isolation(taken_up):
    """Ida's, onset three days ago: proposed until Tuesday next week, not ordered."""
    return taken_up().monitorings.get()


@pytest.fixture
def quarantine(disease, anna):
    """Kolja's, exposed two days ago: proposed, not ordered."""
    return intake.open_quarantine(
        factories.KoljaFactory(),
        disease=disease,
        last_exposure=TODAY - 2 * DAY,
        by=anna,
        now=NOW,
    )
