import datetime as dt

import pytest

from cases import containment, escalation, history, intake, models, search
from cases.models import (
    Case,
    Escalation,
    Monitoring,
    Person,
    ProtectedCircle,
    Revision,
)
from cases.signals import case_revised
from quarano.audit.models import Event
from tests import factories
from tests.factories import DAY, NOW, TODAY
from tests.faults import survives

Reason = Escalation.Reason
Enrolment = Monitoring.Enrolment


def details_missing(person):
    found = (
        Escalation.objects.open()
        .filter(person=person, reason=Reason.DETAILS_MISSING)
        .first()
    )
    return found.facts["missing"] if found else []


# --- Taking up a case ---------------------------------------------------------------


def test_taking_up_makes_person_case_and_isolation(taken_up, anna):
    case = taken_up(occupation="baker", email=" Ida@Example.ORG ")

    person, monitoring = case.person, case.monitorings.get()
    assert person.name == "Ida Sommer"
    assert person.email == "ida@example.org"
    assert person.birth_date_source == "official"
    assert (person.recorded_by, case.recorded_by) == (anna, anna)
    assert (case.onset_kind, case.onset_source) == ("date", "official")
    assert (monitoring.kind, monitoring.start) == ("isolation", TODAY)
    assert (monitoring.anchor_kind, monitoring.anchor_day) == ("onset", case.onset)
    assert monitoring.until == TODAY + 7 * DAY
    assert monitoring.enrolment == Enrolment.NOT_INVITED
    assert not monitoring.orders.issued().exists()
    assert set(Event.objects.values_list("verb", flat=True)) >= {
        "person.recorded", "case.taken_up", "monitoring.opened", "order.proposed",
    }  # fmt: skip


def test_the_audit_names_no_value(taken_up):
    taken_up()

    told = str(list(Event.objects.values("fields", "codes")))
    assert "Sommer" not in told
    assert "ida@" not in told
    assert "confirmed" not in told


def test_a_known_person_is_taken_up_without_a_second_one(taken_up):
    ida = factories.IdaFactory()

    case = taken_up(person=ida)

    assert case.person == ida
    assert Person.objects.count() == 1


def test_the_first_call_is_open_and_due_in_a_day(taken_up):
    case = taken_up(reported_at=NOW - DAY)

    found = Escalation.objects.get(reason=Reason.FIRST_CALL)
    assert found.monitoring == case.monitorings.get()
    assert found.due_at == NOW + DAY
    assert found.facts["reported_at"] == (NOW - DAY).isoformat()


def test_the_specimen_counts_where_there_is_no_onset(taken_up):
    case = taken_up(onset=None, onset_kind=Case.Onset.NONE, specimen_date=TODAY - DAY)

    monitoring = case.monitorings.get()
    assert monitoring.anchor_kind == "specimen"
    assert monitoring.until == TODAY + 9 * DAY


def test_without_onset_and_specimen_details_are_missing_and_no_end_computed(taken_up):
    case = taken_up(onset=None, onset_kind=Case.Onset.NOT_ASKED)

    assert case.onset_source == ""
    assert case.monitorings.get().until is None
    assert details_missing(case.person) == ["onset"]


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"birth_date": None}, ["birth_date"]),
        ({"mobile": "", "email": ""}, ["reach"]),
        ({"mobile": "", "email": "", "birth_date": None}, ["reach", "birth_date"]),
        ({"mobile": "", "email": "", "phone": "+4930123456"}, []),
        ({"mobile": ""}, []),
    ],
)
def test_details_are_missing_without_birth_date_or_way(taken_up, fields, missing):
    assert details_missing(taken_up(**fields).person) == missing


def test_an_end_that_is_past_on_arrival_opens_no_monitoring(taken_up):
    case = taken_up(onset=TODAY - 11 * DAY)

    assert not Monitoring.objects.exists()
    assert not Escalation.objects.exists()
    assert case.person.name == "Ida Sommer"


def test_an_end_of_today_still_opens_one(taken_up):
    assert taken_up(onset=TODAY - 10 * DAY).monitorings.get().until == TODAY


def test_an_end_past_turns_out_to_be_still_to_come(taken_up, anna):
    case = taken_up(onset=TODAY - 11 * DAY)

    intake.revise_case(case, {"onset": TODAY - 2 * DAY}, by=anna, now=NOW)

    assert case.monitorings.get().until == TODAY + 8 * DAY


@pytest.mark.parametrize(
    ("kind", "classification"),
    [
        ("pcr", "confirmed"),
        ("antigen", "probable"),
        ("self", "suspected"),
        ("", "suspected"),
    ],
)
def test_the_test_says_the_classification(taken_up, kind, classification):
    case = taken_up(classification="", test_kind=kind, specimen_date=TODAY - DAY)

    assert case.classification == classification


def test_what_an_official_says_outweighs_the_test(taken_up):
    case = taken_up(
        classification="suspected", test_kind="pcr", specimen_date=TODAY - DAY
    )

    assert case.classification == "suspected"
    test = case.tests.get()
    assert (test.kind, test.result, test.specimen_date) == (
        "pcr", "positive", TODAY - DAY,
    )  # fmt: skip


def test_nobody_is_isolated_twice(taken_up):
    ida = taken_up().person

    with pytest.raises(containment.AlreadyFollowed):
        taken_up(person=ida)
    assert Case.objects.count() == 1


def test_taking_up_survives_every_refusal(taken_up):
    assert survives(
        lambda: taken_up(test_kind="pcr", specimen_date=TODAY - DAY, birth_date=None)
    )


# --- A contact turns case -----------------------------------------------------------


def test_a_contact_who_turns_case_keeps_the_diary(quarantine, taken_up, anna):
    Monitoring.objects.filter(pk=quarantine.pk).update(
        enrolment=Enrolment.ENROLLED, invited_at=NOW, registered_at=NOW,
        enrolled_at=NOW, assigned_to=anna,
    )  # fmt: skip

    case = taken_up(person=quarantine.person, now=NOW + DAY, found_by="contact")

    quarantine.refresh_from_db()
    isolation = case.monitorings.get()
    assert (quarantine.conclusion, quarantine.concluded_by) == ("turned_case", anna)
    assert (isolation.enrolment, isolation.enrolled_at) == (Enrolment.ENROLLED, NOW)
    assert isolation.assigned_to == anna
    assert isolation.first_called_at is None
    assert (
        Escalation.objects.open().get(reason=Reason.FIRST_CALL).monitoring == isolation
    )


def test_a_contact_whose_isolation_would_be_over_is_followed_no_longer(
    quarantine, taken_up
):
    taken_up(person=quarantine.person, onset=TODAY - 20 * DAY)

    quarantine.refresh_from_db()
    assert quarantine.conclusion == "turned_case"
    assert not Monitoring.objects.open().exists()


def test_somebody_with_an_account_starts_registered(taken_up):
    ida = factories.IdaFactory(user=factories.UserFactory())

    monitoring = taken_up(person=ida).monitorings.get()

    assert (monitoring.enrolment, monitoring.registered_at) == ("registered", NOW)


# --- The same episode ---------------------------------------------------------------


def test_a_new_positive_within_90_days_is_offered_as_the_same_episode(
    taken_up, disease
):
    case = taken_up(onset=TODAY - 90 * DAY)

    same = intake.episode_of(case.person, disease=disease, on=TODAY)
    later = intake.episode_of(case.person, disease=disease, on=TODAY + DAY)

    assert (same, later) == (case, None)


def test_a_discarded_case_is_no_episode(taken_up, disease, anna):
    case = taken_up(onset=TODAY - 30 * DAY)
    intake.revise_case(case, {"classification": "discarded"}, by=anna, now=NOW)

    assert intake.episode_of(case.person, disease=disease, on=TODAY) is None


def test_what_belongs_to_an_episode_makes_no_second_case(taken_up):
    first = taken_up()

    again = taken_up(
        person=first.person, episode=first, test_kind="pcr", specimen_date=TODAY
    )

    first.refresh_from_db()
    assert again == first
    assert first.tests.get().specimen_date == TODAY
    assert first.specimen_date == TODAY
    assert first.onset == TODAY - 3 * DAY  # what is known is not overwritten


# --- Quarantine ---------------------------------------------------------------------


def test_a_contact_is_quarantined_from_the_last_exposure(quarantine):
    assert (quarantine.kind, quarantine.case) == ("quarantine", None)
    assert quarantine.anchor_kind == "last_exposure"
    assert quarantine.until == TODAY + 8 * DAY
    assert Escalation.objects.get(reason=Reason.FIRST_CALL).monitoring == quarantine


def test_in_the_household_it_counts_from_the_first_case(disease, anna):
    details = intake.PersonDetails(given_name="Mia", family_name="Sommer")

    monitoring = intake.open_quarantine(
        details, disease=disease, last_exposure=TODAY, household=True, by=anna, now=NOW
    )

    assert monitoring.person.given_name == "Mia"
    assert monitoring.anchor_kind == "household"
    assert monitoring.until == TODAY + 14 * DAY
    assert details_missing(monitoring.person) == ["reach", "birth_date"]


def test_exposed_once_more_somebody_has_one_quarantine(quarantine, disease, anna):
    again = intake.open_quarantine(
        quarantine.person, disease=disease, last_exposure=TODAY, by=anna, now=NOW
    )

    assert again == quarantine
    assert again.until == TODAY + 10 * DAY


def test_somebody_isolated_is_not_quarantined(isolation, disease, anna):
    with pytest.raises(intake.Isolated):
        intake.open_quarantine(
            isolation.person, disease=disease, last_exposure=TODAY, by=anna, now=NOW
        )


def test_a_quarantine_that_would_be_over_leaves_nothing_behind(disease, anna):
    details = intake.PersonDetails(given_name="Mia", family_name="Sommer")

    with pytest.raises(containment.EndPast):
        intake.open_quarantine(
            details, disease=disease, last_exposure=TODAY - 11 * DAY, by=anna, now=NOW
        )
    assert not Person.objects.exists()


def test_opening_a_quarantine_survives_every_refusal(disease, anna):
    details = intake.PersonDetails(given_name="Mia", family_name="Sommer")

    assert survives(
        lambda: intake.open_quarantine(
            details, disease=disease, last_exposure=TODAY, by=anna, now=NOW
        )
    )


# --- Revising a case ----------------------------------------------------------------


@pytest.fixture
def heard():
    """What the signal told."""
    told = []

    def hear(sender, **said):
        told.append(said)

    case_revised.connect(hear)
    yield told
    case_revised.disconnect(hear)


def test_a_revised_case_is_told_upwards_with_what_changed(isolation, anna, heard):
    intake.revise_case(
        isolation.case, {"onset": TODAY, "occupation": ""}, by=anna, now=NOW
    )

    ((said),) = heard
    assert said["case"] == isolation.case
    assert said["what"] == ["onset"]
    assert (said["by"], said["now"]) == (anna, NOW)


def test_a_case_saved_as_it_was_is_no_news(isolation, anna, heard):
    version = isolation.case.version

    case = intake.revise_case(
        isolation.case, {"onset": isolation.case.onset}, by=anna, now=NOW
    )

    assert heard == []
    assert case.version == version
    assert not Revision.objects.exists()


def test_a_day_of_onset_makes_its_kind(taken_up, anna):
    case = taken_up(onset=None, onset_kind=Case.Onset.NOT_ASKED)

    case = intake.revise_case(case, {"onset": TODAY}, by=anna, now=NOW)

    assert (case.onset_kind, case.onset_source) == ("date", "official")
    assert details_missing(case.person) == []


def test_another_kind_empties_the_day(isolation, anna):
    case = intake.revise_case(
        isolation.case, {"onset_kind": Case.Onset.UNKNOWN}, by=anna, now=NOW
    )

    isolation.refresh_from_db()
    assert case.onset is None
    assert isolation.until is None
    assert details_missing(case.person) == ["onset"]


def test_who_said_the_onset_can_be_given(isolation, anna):
    case = intake.revise_case(
        isolation.case, {"onset": TODAY, "onset_source": "diary"}, by=anna, now=NOW
    )

    assert case.onset_source == "diary"


def test_a_decided_onset_differs_no_longer(isolation, anna):
    case = isolation.case
    escalation.raise_(case, Reason.ONSET_DIFFERS, occasion="x", facts={}, now=NOW)

    intake.revise_case(case, {"occupation": "baker"}, by=anna, now=NOW)
    assert Escalation.objects.open().filter(reason=Reason.ONSET_DIFFERS).exists()
    intake.revise_case(case, {"onset": TODAY}, by=anna, now=NOW)
    assert not Escalation.objects.open().filter(reason=Reason.ONSET_DIFFERS).exists()


def test_the_second_of_two_officials_sees_both_versions(isolation, anna, oemer):
    case, seen = isolation.case, isolation.case.version
    intake.revise_case(case, {"onset": TODAY}, by=oemer, now=NOW, version=seen)

    with pytest.raises(history.ChangedMeanwhile) as refused:
        intake.revise_case(case, {"onset": TODAY - DAY}, by=anna, now=NOW, version=seen)

    assert refused.value.theirs == {"onset": TODAY}
    assert refused.value.mine == {"onset": TODAY - DAY}
    case.refresh_from_db()
    assert case.onset == TODAY


def test_only_a_physician_says_how_long_a_case_is_infectious(isolation, anna, paula):
    changes = {"infectious_until": TODAY + 20 * DAY}

    with pytest.raises(containment.NotAPhysician):
        intake.revise_case(isolation.case, changes, by=anna, now=NOW)
    case = intake.revise_case(isolation.case, changes, by=paula, now=NOW)

    assert case.infectious_until == TODAY + 20 * DAY


def test_revising_survives_every_refusal(isolation, anna):
    assert survives(
        lambda: intake.revise_case(
            isolation.case,
            {"onset": TODAY, "laboratory_reference": "L-17"},
            by=anna,
            now=NOW,
        )
    )


# --- A person's details -------------------------------------------------------------


def test_details_that_vanish_are_missing_anew(isolation, anna):
    ida = isolation.person
    for now in (NOW, NOW + DAY):
        intake.change_details(ida, {"birth_date": None}, by=anna, now=now)
        assert details_missing(ida) == ["birth_date"]
        intake.change_details(
            ida, {"birth_date": dt.date(1990, 4, 12)}, by=anna, now=now + DAY / 2
        )
        assert details_missing(ida) == []

    assert Escalation.objects.filter(reason=Reason.DETAILS_MISSING).count() == 2


def test_one_detail_filled_leaves_the_other_missing(taken_up, anna):
    ida = taken_up(birth_date=None, mobile="", email="").person

    intake.change_details(ida, {"email": "ida@example.org"}, by=anna, now=NOW)

    assert details_missing(ida) == ["birth_date"]


def test_who_stated_the_birth_date_is_kept(isolation, anna):
    ida, citizen = isolation.person, factories.UserFactory()
    born = dt.date(1990, 4, 13)

    said = intake.change_details(ida, {"birth_date": born}, by=citizen, now=NOW)
    assert said.birth_date_source == "self"
    official = intake.change_details(ida, {"birth_date": born + DAY}, by=anna, now=NOW)
    assert official.birth_date_source == "official"
    gone = intake.change_details(ida, {"birth_date": None}, by=anna, now=NOW)
    assert gone.birth_date_source == ""


def test_a_changed_name_is_found(isolation, anna):
    intake.change_details(isolation.person, {"family_name": "Öztürk"}, by=anna, now=NOW)

    assert search.find("ozturk").get() == isolation.person


def test_whoever_protects_a_person_still_sees_it(isolation, anna):
    intake.change_details(isolation.person, {"protected": True}, by=anna, now=NOW)

    assert ProtectedCircle.objects.get().user == anna
    assert Person.objects.open_to(anna).filter(pk=isolation.person_id).exists()


def test_changing_details_survives_every_refusal(isolation, anna):
    changes = {"family_name": "Winter", "birth_date": None}

    assert survives(
        lambda: intake.change_details(isolation.person, changes, by=anna, now=NOW)
    )


def test_every_kind_of_test_says_a_classification():
    assert set(intake.BY_TEST) == set(models.Test.Kind.values)
