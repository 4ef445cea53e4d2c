import datetime as dt
import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client

from cases import containment, intake
from cases.models import Disease, Escalation, Monitoring, Person, Reporter
from diaries import submission
from diaries.slots import Slot
from quarano.accounts.models import User

BERLIN = ZoneInfo("Europe/Berlin")
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
MONDAY = dt.date(2026, 11, 16)
TUESDAY, WEDNESDAY = MONDAY + DAY, MONDAY + 2 * DAY
OPENED = dt.datetime(2026, 11, 16, 7, tzinfo=BERLIN)
ENDS = MONDAY + 9 * DAY


def at(day, hour, minute=0):
    """A moment on the clock of the authority."""
    return dt.datetime.combine(day, dt.time(hour, minute), BERLIN).astimezone(dt.UTC)


def official(name, *roles):
    return User.objects.create_user(
        email=f"{name.lower()}@neckartal.example",
        name=name,
        roles=list(roles),
        created_at=OPENED,
        language="en",
    )


@pytest.fixture
def anna(authority):
    return official("Anna", "case_worker")


@pytest.fixture
def disease(authority):
    """COVID-19 as every authority is founded with it."""
    return Disease.objects.get(code="covid-19")


def citizen(person):
    user = User.objects.create_user(
        email=person.email, name=person.name, created_at=OPENED, language="en"
    )
    Person.objects.filter(pk=person.pk).update(user=user)
    Reporter.objects.create(
        user=user,
        person=person,
        kind="self",
        since=MONDAY,
        appointed_at=OPENED,
        appointed_by=user,
    )
    person.refresh_from_db()
    return user


def enrolled(person):
    """Signed up and keeping the diary from the first slot on."""
    citizen(person)
    Monitoring.objects.filter(person=person).update(
        enrolment="enrolled",
        registered_at=OPENED,
        enrolled_at=OPENED,
        first_called_at=OPENED,
    )
    Escalation.objects.filter(person=person).delete()
    return person


def contact(disease, by, given="Kolja", **fields):
    details = {
        "given_name": given,
        "family_name": "Busch",
        "birth_date": dt.date(1990, 5, 1),
        "email": f"{given.lower()}@mail.example",
        "mobile": "+4915123456789",
        "language": "en",
    } | fields
    last_exposure = ENDS - 10 * DAY
    monitoring = intake.open_quarantine(
        intake.PersonDetails(**details),
        disease=disease,
        last_exposure=last_exposure,
        by=by,
        now=OPENED,
    )
    return enrolled(monitoring.person)


def case(disease, by, given="Ida", **fields):
    report = {
        "given_name": given,
        "family_name": "Sommer",
        "birth_date": dt.date(1988, 4, 12),
        "email": f"{given.lower()}@mail.example",
        "mobile": "+4915123456780",
        "language": "en",
        "disease": disease,
        "onset_kind": "date",
        "onset": ENDS - 10 * DAY,
        "specimen_date": MONDAY,
    } | fields
    found = intake.take_up(intake.Report(**report), by=by, now=OPENED)
    return enrolled(found.person)


@pytest.fixture
def kolja(disease, anna):
    """A contact in quarantine until 25 November, enrolled."""
    return contact(disease, anna)


@pytest.fixture
def ida(disease, anna):
    """An index case in isolation until 25 November, enrolled."""
    return case(disease, anna)


def monitoring_of(person):
    return person.monitorings.open().get()


def ordered(person, by):
    return containment.issue(monitoring_of(person), by=by, now=OPENED)


def answers(temperature="36.6", symptoms=None, **fields):
    return submission.Answers(
        temperature=None if temperature is None else Decimal(temperature),
        symptoms=symptoms or {},
        **fields,
    )


def write(person, day, half, temperature="36.6", symptoms=None, *, now=None, **fields):
    """An entry of the person's own, by default an hour after the slot began."""
    slot = Slot(day, half)
    person.refresh_from_db()
    return submission.submit(
        person,
        slot,
        answers=answers(temperature, symptoms, **fields),
        by=person.user,
        via="self",
        now=now or at(day, 18 if half == "evening" else 7, 30),
    )


def reasons(person):
    return sorted(
        Escalation.objects.open().filter(person=person).values_list("reason", flat=True)
    )


def raised(person, reason):
    return Escalation.objects.open().get(person=person, reason=reason)


def sign_in(user, host="neckartal.localhost"):
    client = Client(headers={"host": host, "accept-language": "en"})
    client.force_login(user)
    session = client.session
    session["account_authentication_methods_user"] = str(user.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time()},
        {"method": "mfa", "at": time.time(), "type": "totp"},
    ]
    session.save()
    return client


@pytest.fixture
def this_morning(authority):
    """Tuesday, 7:48."""
    moment = at(TUESDAY, 7, 48)
    with time_machine.travel(moment, tick=False):
        yield moment
