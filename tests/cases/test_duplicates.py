import datetime as dt

import pytest

from cases import containment, duplicates, escalation
from cases.models import Escalation
from tests import factories
from tests.factories import DAY, NOW, IdaFactory, PersonFactory

Reason = Escalation.Reason
BORN = dt.date(1990, 4, 12)


def similar(**fields):
    asked = {"given_name": "Ida", "family_name": "Sommer", "birth_date": BORN}
    return duplicates.similar(**(asked | fields))


def raised():
    return Escalation.objects.filter(reason=Reason.POSSIBLE_DUPLICATE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Ida", "Sommer"), ("Ida", "Sommer")),
        (("Ida", "Sommer"), ("Sommer", "Ida")),
        (("Ida", "Sommer"), ("Ida", "Somer")),
        (("Ida", "Sommer"), ("Ida Marie", "Sommer")),
        (("Jürgen", "Weiß"), ("Juergen", "Weiss")),
        (("Jürgen", "Müller"), ("Jurgen", "Muller")),
        (("Élodie", "Łukasz"), ("Elodie", "Lukasz")),
        (("Ida", "Sommer-Winter"), ("Ida", "Sommer")),
    ],
)
def test_names_that_may_be_the_same(one, other):
    assert duplicates.is_similar_name(one, other)
    assert duplicates.is_similar_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Ida", "Sommer"), ("Kolja", "Brenner")),
        (("Ida", "Sommer"), ("Kolja", "Sommer")),
        (("Anna", "Berg"), ("Otto", "Burgstaller")),
    ],
)
def test_names_that_are_not_the_same(one, other):
    assert not duplicates.is_similar_name(one, other)


def test_same_birth_date_and_similar_name_is_offered(authority):
    ida = IdaFactory(given_name="Ída", family_name="Somer", mobile="", email="")

    assert similar() == [ida]
    assert similar(birth_date=BORN + DAY) == []
    assert similar(given_name="Kolja", family_name="Brenner") == []
    assert similar(exclude=ida.pk) == []


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ({"mobile": "+491713920009"}, {"mobile": "+491713920009"}),
        ({"phone": "+491713920009"}, {"mobile": "+491713920009"}),
        ({"mobile": "+491713920009"}, {"phone": "+491713920009"}),
        ({"email": "home@example.org"}, {"email": "Home@Example.org"}),
    ],
)
def test_same_phone_or_mail_is_offered_whatever_the_name(authority, kept, asked):
    person = PersonFactory(**kept)

    assert similar(birth_date=None, **asked) == [person]


def test_nothing_in_common_is_not_offered(authority):
    PersonFactory(birth_date=None)

    assert similar(birth_date=None, phone="", mobile="", email="") == []


def test_somebody_recorded_in_error_is_not_offered(isolation, anna):
    assert similar() == [isolation.person]

    containment.conclude(isolation, conclusion="erroneous", by=anna, now=NOW)

    assert similar() == []


def test_the_night_finds_each_pair_once(authority):
    first = IdaFactory(mobile="", recorded_at=NOW - DAY)
    second = IdaFactory(given_name="Idda", email="")

    assert duplicates.find_all(NOW) == 1
    assert duplicates.find_all(NOW + DAY) == 0

    found = raised().get()
    assert (found.subject_id, found.person) == (second.pk, second)
    assert found.occasions.get().occasion == str(first.pk)
    assert found.facts["same"] == ["birth_date"]


def test_a_pair_that_was_settled_does_not_come_back_from_either_side(authority, anna):
    first = IdaFactory(mobile="", email="")
    IdaFactory(mobile="", email="", recorded_at=NOW + DAY)
    duplicates.find_all(NOW)
    escalation.settle(raised().get(), outcome="different", by=anna, now=NOW)

    assert duplicates.find_all(NOW + DAY) == 0
    first.recorded_at = NOW + 2 * DAY  # would now be the later one
    first.save()
    assert duplicates.find_all(NOW + DAY) == 0
    assert not raised().open().exists()


def test_the_night_finds_the_same_phone_and_mail(authority):
    IdaFactory(birth_date=None)
    PersonFactory(mobile="", phone="+491713920001", email="IDA@example.org")

    duplicates.find_all(NOW)

    assert raised().get().facts["same"] == ["email", "phone"]


def test_a_family_on_one_number_is_no_pair(authority):
    IdaFactory()
    IdaFactory(given_name="Mia", birth_date=dt.date(2015, 1, 1))

    assert duplicates.find_all(NOW) == 0


def test_twins_are_no_pair(authority):
    IdaFactory(mobile="", email="")
    IdaFactory(given_name="Kolja", mobile="", email="")

    assert duplicates.find_all(NOW) == 0


def test_a_third_one_joins(authority):
    for days in range(3):
        IdaFactory(mobile="", email="", recorded_at=NOW + days * DAY)

    assert duplicates.find_all(NOW) == 3
    assert raised().open().count() == 2  # one for each later one, joined


def test_concluding_one_as_erroneous_settles_the_pair(isolation, anna):
    factories.IdaFactory(recorded_at=NOW - DAY)
    duplicates.find_all(NOW)
    assert raised().open().exists()

    containment.conclude(isolation, conclusion="erroneous", by=anna, now=NOW)

    assert not raised().open().exists()
    assert duplicates.find_all(NOW + DAY) == 0
