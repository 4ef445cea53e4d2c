"""What the citizen reads about who is there: true at every hour."""

import datetime as dt
import html

import pytest
import time_machine
from django_tenants.utils import schema_context

from cases.models import Person
from health_authorities.models import HealthAuthority
from quarano.templatetags.quarano import who_reads
from tests.diaries.conftest import MONDAY, TUESDAY, at, sign_in, write

OFFICE = [[["08:00", "16:00"]]] * 5 + [[], []]
ALWAYS = [[["00:00", "00:00"]]] * 7
FRIDAY, SATURDAY = MONDAY + dt.timedelta(4), MONDAY + dt.timedelta(5)
NUMBERS = ("112", "116 117")


@pytest.fixture
def hours(authority):
    """Say when the authority is staffed, and who is on call."""

    def say(weekly=OFFICE, phone=""):
        fields = {"staffed_hours": weekly, "on_call_phone": phone}
        with schema_context("public"):
            HealthAuthority.objects.filter(pk=authority.pk).update(**fields)
        for name, value in fields.items():
            setattr(authority, name, value)

    say()
    return say


def page_of(person, moment, name="today"):
    person.refresh_from_db()
    with time_machine.travel(moment, tick=False):
        browser = sign_in(person.user)
        path = f"/diary/{person.pk}/" + ("" if name == "today" else f"{name}/")
        response = browser.get(path, follow=True)
    assert response.status_code == 200
    return " ".join(html.unescape(response.content.decode()).split())


PAGES = ("today", "dates", "help")


@pytest.mark.parametrize("name", PAGES)
def test_while_somebody_is_there_it_says_until_when(hours, kolja, name):
    assert "today until 16:00" in page_of(kolja, at(TUESDAY, 10), name)


@pytest.mark.parametrize("name", PAGES)
def test_on_a_friday_evening_it_is_monday(hours, kolja, name):
    page = page_of(kolja, at(FRIDAY, 18), name)
    assert "Somebody reads this on Monday, 23 November, from 8:00" in page
    assert "reads this today" not in page
    for number in NUMBERS:
        assert number in page


def test_before_opening_it_says_from_when(hours, kolja):
    assert "today from 8:00" in page_of(kolja, at(TUESDAY, 7))


def test_before_a_holiday_it_names_the_day_after(hours, authority):
    # Thursday, 24 December: Friday and Saturday are holidays.
    said = who_reads({"authority": authority, "now": at(dt.date(2026, 12, 24), 17)})
    assert said["opening"] == at(dt.date(2026, 12, 28), 8)
    assert not said["opens_today"]


def test_who_is_there_at_any_hour_says_so(hours, kolja):
    hours(ALWAYS)
    assert "Somebody is here at any hour" in page_of(kolja, at(SATURDAY, 3))


def test_where_nobody_said_the_hours_nothing_is_promised(hours, kolja):
    hours([])
    page = page_of(kolja, at(TUESDAY, 10))
    assert "in their working hours" in page


# --- After sending -------------------------------------------------------------------


def sent(person, moment, half="morning", temperature="38.6", symptoms=None):
    day = moment.astimezone(at(MONDAY, 0).tzinfo).date()
    write(person, day, half, temperature, symptoms, now=moment)
    return page_of(person, moment, f"sent/{day:%Y-%m-%d}-{half}")


def test_a_call_today_is_promised_where_somebody_can_make_it(hours, kolja):
    page = sent(kolja, at(TUESDAY, 9))
    assert "We call you today" in page
    assert "keep your phone near you" in page


def test_before_opening_a_call_today_is_promised_too(hours, kolja):
    assert "We call you today" in sent(kolja, at(TUESDAY, 7))


def test_in_the_evening_no_call_today_is_promised(hours, kolja):
    page = sent(kolja, at(TUESDAY, 18), "evening")
    assert "We call you today" not in page
    assert "on Wednesday, 18 November, from 8:00" in page
    for number in NUMBERS:
        assert number in page


def test_nobody_who_is_well_is_promised_a_call(hours, kolja):
    page = sent(kolja, at(TUESDAY, 9), temperature="36.6")
    assert "call you" not in page


def test_an_emergency_sign_says_112_and_who_was_told(hours, kolja):
    hours(OFFICE, "+491713920099")
    page = sent(kolja, at(TUESDAY, 18), "evening", "37.0", {"confusion": 3})
    assert "Call 112 now" in page
    assert "on-call service of the authority was told" in page
    assert "We call you today" not in page


def test_an_emergency_sign_with_nobody_on_call_says_that_nobody_reads_it(hours, kolja):
    page = sent(kolja, at(TUESDAY, 18), "evening", "37.0", {"confusion": 3})
    assert "Call 112 now" in page
    assert "Nobody there reads this before Wednesday, 18 November, 8:00" in page


# --- While typing: numbers that are a sign by themselves -----------------------------


def test_the_form_knows_from_which_values_on_it_says_112(hours, kolja):
    page = page_of(kolja, at(TUESDAY, 10))
    assert 'data-emergency-max="92"' in page
    assert "data-emergency-min" not in page


def test_an_infants_fever_is_such_a_value(hours, kolja):
    Person.objects.filter(pk=kolja.pk).update(birth_date=MONDAY - dt.timedelta(40))
    assert 'data-emergency-min="38.0"' in page_of(kolja, at(TUESDAY, 10))


def test_help_says_honestly_whether_anybody_is_on_call(hours, kolja):
    page = page_of(kolja, at(TUESDAY, 10), "help")
    assert "nobody at the authority hears of an emergency sign" in page
    hours(OFFICE, "+491713920099")
    page = page_of(kolja, at(TUESDAY, 10), "help")
    assert "also goes to the authority's on-call telephone" in page.replace(
        "&#x27;", "'"
    )
