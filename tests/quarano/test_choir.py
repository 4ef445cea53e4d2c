"""The choir evening and the school class of the outbreak that is played."""

import datetime as dt

from cases.models import Case, Monitoring
from contacts.models import Contact, Event, Exposure, SourceLink
from quarano.accounts.models import User
from quarano.outbreak import choir
from quarano.outbreak.offices import OFFICES
from quarano.outbreak.personas import PEOPLE
from quarano.outbreak.story import DAYS, Story
from tests.factories import NOW, TODAY


def test_many_fall_ill_after_one_evening_and_a_class_is_exposed(authority):
    office = next(one for one in OFFICES if one.schema == choir.SCHEMA)
    for one in office.staff:
        User.objects.create_user(
            email=one.email, name=one.name, roles=list(one.roles), created_at=NOW,
            language="de",
        )  # fmt: skip
    began = TODAY - dt.timedelta(days=DAYS)
    story = Story(authority, office, began, NOW - dt.timedelta(days=DAYS), NOW, "x")
    for persona in PEOPLE[choir.SCHEMA]:
        if persona.slug in {choir.SANG, choir.TAUGHT}:
            at = story.at(story.arrival(persona), 9)
            story.take_up(persona, by=story.one_with("case_worker"), now=at)
    for number in range(DAYS + 1):
        day = began + dt.timedelta(days=number)
        for moment, happen in sorted(choir.plays(story, day), key=lambda one: one[0]):
            happen(moment)
            happen(moment)
    evening = Event.objects.get(name=choir.CHOIR)
    sang = evening.cases.get()
    assert evening.participants.count() == 24
    assert evening.guest_lists.get().way == "host"
    assert Exposure.objects.filter(case=sang, is_infectious_day=True).count() == 24
    ill = Case.objects.filter(person__contacts_of__event=evening)
    assert ill.count() == len(choir.ILL) == 9
    assert SourceLink.objects.filter(case__in=ill, source=sang).count() == 9
    turned = Monitoring.objects.filter(conclusion="turned_case")
    assert turned.count() == 9
    lesson = Event.objects.get(name=choir.CLASS)
    assert lesson.participants.count() == 12
    assert all(
        Contact.objects.filter(event=lesson).values_list(
            "exposures__is_infectious_day", flat=True
        )
    )
