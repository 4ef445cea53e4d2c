import datetime as dt

import pytest

from contacts import events
from contacts.guest_lists import receiving
from quarano.sheets import read
from tests import factories
from tests.factories import DAY, NOW
from tests.sheets.files import GUESTS, HEAD, table

EVENING = NOW.replace(hour=18) - 2 * DAY


def details(**said):
    """The day before yesterday, two hours of singing at close range."""
    values = {
        "name": "Choir", "kind": "culture", "place": "Parish hall",
        "starts_at": EVENING, "ends_at": EVENING + dt.timedelta(hours=2),
        "distance": "near", "minutes": 120, "masks": "none",
    } | said  # fmt: skip
    return events.Details(**values)


@pytest.fixture
def oemer(authority):
    return factories.OemerFactory()


@pytest.fixture
def choir(case, anna):
    """Where Ida was."""
    return events.record(details(), cases=[case], by=anna, now=NOW)


@pytest.fixture
def received(anna):
    """Receives a file of an event; three guests, whatever is not said."""

    def receive(event, rows=(HEAD, *GUESTS), *, now=NOW, **said):
        sheet = read(table(rows).encode(), "guests.csv")
        values = {"way": "file", "file_name": "guests.csv", "by": anna} | said
        return receiving.receive(event, sheet.rows, now=now, **values)

    return receive


@pytest.fixture
def taken(choir, received, anna):
    """The choir's list, taken in."""
    guest_list = received(choir)
    assert receiving.take_in(guest_list, by=anna, now=NOW) == 0
    guest_list.refresh_from_db()
    return guest_list
