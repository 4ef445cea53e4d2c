import pytest

from cases.history import ChangedMeanwhile
from contacts import naming
from contacts.models import Contact, DayStatement
from tests import factories
from tests.contacts.conftest import meeting
from tests.factories import DAY, NOW, TODAY


def test_the_days_go_back_to_two_days_before_the_onset(case):
    case.onset = TODAY - 9 * DAY
    case.save()

    days = naming.days_asked(case.person, on=TODAY)

    assert (days[0], days[-1], len(days)) == (TODAY, TODAY - 11 * DAY, 12)


def test_eight_days_are_asked_at_least(case):
    assert len(naming.days_asked(case.person, on=TODAY)) == 8
    assert len(naming.days_asked(factories.KoljaFactory(), on=TODAY)) == 8


@pytest.mark.parametrize(
    ("back", "refusal"),
    [(-1, naming.DayToCome), (8, naming.NotAsked)],
)
def test_a_citizen_names_days_that_are_asked(named, ida, back, refusal):
    with pytest.raises(refusal):
        named(meeting(back), by=ida)
    assert not Contact.objects.exists()


def test_an_official_goes_back_into_the_incubation_period(named):
    assert named(meeting(8)).exposures.get().is_accepted
    with pytest.raises(naming.NotAsked, match=r"2026"):
        named(meeting(22), hint="long ago")


def test_nobody_is_met_before_birth(named):
    with pytest.raises(naming.BeforeBirth):
        named(meeting(2), birth_date=TODAY - DAY)


def test_nobody_is_a_contact_of_their_own(named, case):
    with pytest.raises(naming.Oneself):
        named(person=case.person)


@pytest.mark.parametrize("way", ["mobile", "phone", "email", "hint"])
def test_one_way_to_find_a_contact_is_enough(named, way):
    value = {"email": "a@b.example", "hint": "the baker"}.get(way, "+491713920009")

    assert named(**{"mobile": "", way: value}).pk


def test_a_contact_without_any_way_is_refused(named):
    with pytest.raises(naming.CannotBeFound):
        named(mobile="")
    with pytest.raises(naming.CannotBeFound):
        naming.revise_contact(
            named(), {"mobile": ""}, by=factories.UserFactory(), now=NOW
        )


def test_naming_the_same_day_again_is_one_exposure(named, ida):
    contact = named(meeting(1), by=ida)

    naming.record_exposure(contact, meeting(1, minutes=5), by=ida, now=NOW)

    assert contact.exposures.get().minutes == 5


def test_a_forgotten_contact_is_added_to_a_past_day(named, ida):
    contact = named(meeting(1), by=ida)

    naming.record_exposure(contact, meeting(5), by=ida, now=NOW + DAY)

    contact.refresh_from_db()
    assert contact.exposures.count() == 2
    assert contact.last_day == TODAY - DAY


def test_a_withdrawn_day_may_stand_again(named, ida):
    contact = named(by=ida)
    exposure = contact.exposures.get()
    naming.withdraw_exposure(exposure, by=ida, now=NOW)
    contact.refresh_from_db()
    assert contact.last_day is None
    with pytest.raises(naming.AlreadyWithdrawn):
        naming.withdraw_exposure(exposure, by=ida, now=NOW)

    naming.record_exposure(contact, meeting(), by=ida, now=NOW)

    assert contact.exposures.get().is_standing


def test_nobody_is_an_answer_that_is_stored(case, ida):
    naming.state_day(case.person, TODAY, said="nobody", by=ida, now=NOW)
    naming.state_day(case.person, TODAY, said="nobody", by=ida, now=NOW)

    assert DayStatement.objects.get().day == TODAY


def test_somebody_named_takes_nobody_back(named, case, ida):
    naming.state_day(case.person, TODAY - DAY, said="nobody", by=ida, now=NOW)

    named(by=ida)

    assert not DayStatement.objects.exists()
    with pytest.raises(naming.MetSomebody):
        naming.state_day(case.person, TODAY - DAY, said="nobody", by=ida, now=NOW)


def test_who_is_at_risk_is_urgent(named, ida):
    contact = named(by=ida, at_risk="yes")
    assert contact.urgent

    naming.revise_contact(contact, {"at_risk": "no"}, by=ida, now=NOW)
    assert not Contact.objects.get().urgent

    naming.revise_contact(contact, {"health_staff": "yes"}, by=ida, now=NOW)
    assert Contact.objects.get().urgent


def test_two_at_once_are_told_apart(named, anna):
    contact = named()
    seen = contact.version
    naming.revise_contact(contact, {"hint": "one"}, by=anna, now=NOW, version=seen)

    with pytest.raises(ChangedMeanwhile):
        naming.revise_contact(contact, {"hint": "two"}, by=anna, now=NOW, version=seen)


def test_a_contact_is_found_by_name_and_telephone(named):
    contact = named(family_name="Łukasiewicz", hint="red jacket")

    assert " lukasiewicz " in contact.search_text
    assert "491713920002" in contact.search_text
    assert "jacket" in contact.search_text
