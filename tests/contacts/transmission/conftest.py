import datetime as dt

import pytest

from cases.models import Disease
from contacts.transmission.wanted import wanted as wanted_for
from tests import factories
from tests.factories import DAY, NOW, TODAY


class Outbreak:
    """Cases and exposures by day: day 0 is four weeks ago."""

    start = TODAY - 28 * DAY

    def __init__(self):
        self.disease = Disease.objects.get()
        self.anna = factories.AnnaFactory()

    def day(self, number):
        return self.start + number * DAY

    def case(self, day, **fields):
        onset = None if day is None else self.day(day)
        fields = {"reported_at": NOW - (26 - (day or 0)) * DAY} | fields
        person = fields.pop("person", None) or factories.PersonFactory()
        return factories.CaseFactory(
            person=person, disease=self.disease, onset=onset, **fields
        )

    def met(self, case, person, day, **fields):
        """An accepted exposure of a person to a case."""
        known = case.contacts.filter(person=person).first()
        contact = known or factories.ContactFactory(case=case, person=person)
        return factories.ExposureFactory(
            contact=contact,
            day=self.day(day),
            accepted_at=NOW,
            accepted_by=self.anna,
            is_infectious_day=True,
            **({"setting": "household"} | fields),
        )

    def choir(self, day, *cases):
        moment = dt.datetime.combine(self.day(day), dt.time(18), tzinfo=dt.UTC)
        event = factories.EventFactory(
            starts_at=moment, ends_at=moment + dt.timedelta(hours=2)
        )
        for case in cases:
            factories.EventCaseFactory(event=event, case=case)
        return event

    def wanted(self, **fields):
        found = wanted_for(today=TODAY, disease=self.disease, **fields)
        assert found is not None
        return found


@pytest.fixture
def outbreak(authority):
    return Outbreak()
