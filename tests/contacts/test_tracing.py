import itertools
import random

import pytest
from django.db import transaction

from cases import containment, intake
from cases.models import Escalation, Order
from contacts import naming, tracing
from contacts.models import Contact, Exposure, SourceLink
from quarano.audit.models import Event
from tests import factories
from tests.contacts.conftest import meeting, report
from tests.factories import DAY, NOW, TODAY
from tests.faults import survives

Reason = Escalation.Reason


def reasons(subject):
    found = Escalation.objects.open().filter(subject_id=subject.pk)
    return set(found.values_list("reason", flat=True))


def followed(contact, anna, **ways):
    who = ways.pop("who", None) or tracing.details_of(contact)
    return tracing.take_over(contact, who, by=anna, now=NOW, **ways)


def proposed(monitoring):
    order = containment.proposal(monitoring)
    return order and (order.effect, order.until)


# --- Accepting -----------------------------------------------------------------------


def test_what_a_citizen_names_waits_for_an_official(named, case, ida, anna):
    contact = named(by=ida)

    assert contact.state == "named"
    assert not contact.exposures.get().is_accepted
    assert reasons(case) == {Reason.CONTACTS_NAMED}

    tracing.accept(contact.exposures.all(), by=anna, now=NOW)

    contact.refresh_from_db()
    assert contact.state == "accepted"
    assert contact.exposures.get().accepted_by == anna
    assert reasons(case) == set()


def test_what_an_official_names_is_accepted_with_it(named, case):
    exposure = named().exposures.get()

    assert exposure.is_accepted
    assert (exposure.is_infectious_day, exposure.category) == (True, "close")
    assert reasons(case) == set()


def test_a_citizens_change_is_shown_until_somebody_looked(named, case, ida, anna):
    contact = named()

    naming.revise_exposure(
        contact.exposures.get(), {"minutes": 5}, by=ida, now=NOW + DAY
    )

    contact.refresh_from_db()
    assert contact.is_changed
    assert reasons(case) == {Reason.CONTACTS_NAMED}
    tracing.review(contact, by=anna, now=NOW + DAY)
    contact.refresh_from_db()
    assert not contact.is_changed
    assert reasons(case) == set()


def test_who_met_somebody_who_is_only_a_contact_is_held(named, anna):
    kolja = followed(named(), anna).person
    login = factories.UserFactory()

    held = named(meeting(0), by=login, met=kolja, given_name="Mother", hint="at home")

    assert held.state == "held"
    assert reasons(kolja.monitorings.get()) == {
        Reason.MET_IN_QUARANTINE, Reason.FIRST_CALL,
    }  # fmt: skip
    assert tracing.accept(held.exposures.all(), by=anna, now=NOW) == []
    with pytest.raises(tracing.Held):
        followed(held, anna)
    with pytest.raises(tracing.Held):
        tracing.tell(held, by=anna, now=NOW)


# --- From contact to monitoring ------------------------------------------------------


def test_a_contact_is_taken_over_with_a_proposal(named, anna):
    contact = named(meeting(3), meeting(1))

    found = followed(contact, anna)

    assert found.contact.state == "person"
    assert found.person.name == "Kolja Brenner"
    assert found.monitoring.risk_category == "close"
    assert proposed(found.monitoring) == ("start", TODAY + 9 * DAY)
    assert found.monitoring.exposures.count() == 2
    codes = [step["code"] for step in found.monitoring.orders.get().steps]
    assert codes == ["category", "last_exposure", "quarantine_days", "sum"]


def test_taking_over_may_issue_and_invite(named, anna):
    found = followed(named(), anna, issue=True, channel="sms")

    order = containment.in_force(found.monitoring)
    assert order.until == TODAY + 9 * DAY
    assert found.monitoring.enrolment == "invited"
    assert Event.objects.filter(verb="contact.taken_over").count() == 1


def test_three_cases_make_one_monitoring_that_rests_on_all(named, anna):
    kolja = followed(named(meeting(2)), anna).person
    for name, back in (("Lena", 3), ("Mats", 1)):
        other = report(factories.PersonFactory(given_name=name), by=anna)
        contact = named(meeting(back), met=other.person, person=kolja)
        followed(contact, anna, who=kolja)

    monitoring = kolja.monitorings.get()
    assert monitoring.exposures.count() == 3
    assert proposed(monitoring) == ("start", TODAY + 9 * DAY)


def test_nobody_is_followed_whose_exposure_does_not_count(named, anna):
    found = followed(named(meeting(7)), anna)

    assert (found.monitoring, found.why) == (None, "unexposed")
    assert found.person.contacts_of.count() == 1


def test_who_is_immune_is_recorded_and_nothing_is_ordered(named, anna, disease):
    kolja = factories.KoljaFactory()
    tracing.record_immunity(
        kolja, disease=disease, kind="vaccination", day=TODAY - 60 * DAY, dose=2,
        proof_seen=True, by=anna, now=NOW,
    )  # fmt: skip

    found = followed(named(), anna, who=kolja)

    assert (found.monitoring, found.why) == (None, "exempt")


def test_a_proof_seen_later_proposes_to_lift(named, anna, disease):
    found = followed(named(), anna, issue=True)

    tracing.record_immunity(
        found.person, disease=disease, kind="vaccination", day=TODAY - 60 * DAY,
        dose=2, proof_seen=True, by=anna, now=NOW,
    )  # fmt: skip

    assert proposed(found.monitoring) == ("lift", TODAY)
    assert Reason.QUARANTINE_MISFIT in reasons(found.monitoring)
    assert containment.in_force(found.monitoring).until == TODAY + 9 * DAY


def test_who_is_isolated_is_recorded_and_nothing_is_ordered(named, anna):
    lena = report(factories.PersonFactory(given_name="Lena"), by=anna).person

    found = followed(named(), anna, who=lena)

    assert (found.monitoring, found.why) == (None, "isolated")
    assert not lena.monitorings.filter(kind="quarantine").exists()


def test_a_case_names_a_person_once(named, anna):
    kolja = followed(named(), anna).person

    with pytest.raises(tracing.NamedAlready):
        followed(named(hint="again"), anna, who=kolja)


def test_a_nameless_contact_becomes_nobody(named, anna):
    contact = named(given_name="", family_name="", mobile="", hint="the baker")

    with pytest.raises(tracing.Nameless):
        followed(contact, anna)
    contact.refresh_from_db()
    assert contact.state == "accepted"


# --- Weighing again -------------------------------------------------------------------


def test_a_late_onset_is_weighed_at_once(named, case, anna):
    found = followed(named(meeting(4), meeting(1)), anna)
    assert proposed(found.monitoring) == ("start", TODAY + 9 * DAY)

    intake.revise_case(case, {"onset": TODAY + 2 * DAY}, by=anna, now=NOW)

    assert proposed(found.monitoring) == ("lift", TODAY)
    intake.revise_case(case, {"onset": TODAY - 3 * DAY}, by=anna, now=NOW)
    assert proposed(found.monitoring) == ("start", TODAY + 9 * DAY)


def test_an_order_that_no_longer_fits_raises_what_would_fit(named, case, anna):
    contact = named(meeting(4), meeting(1))
    found = followed(contact, anna, issue=True)

    naming.withdraw_exposure(
        contact.exposures.get(day=TODAY - DAY), why="", by=anna, now=NOW
    )

    raised = Escalation.objects.open().get(reason=Reason.QUARANTINE_MISFIT)
    assert raised.subject_id == found.monitoring.pk
    assert raised.facts == {
        "ordered": (TODAY + 9 * DAY).isoformat(),
        "proposed": (TODAY + 6 * DAY).isoformat(),
        "effect": "shorten",
    }
    assert containment.in_force(found.monitoring).until == TODAY + 9 * DAY

    containment.issue(found.monitoring, by=anna, now=NOW)
    assert Reason.QUARANTINE_MISFIT not in reasons(found.monitoring)


def test_what_fits_again_goes_away_and_may_come_back(named, case, anna):
    found = followed(named(meeting(4), meeting(1)), anna, issue=True)
    monitoring = found.monitoring
    for hour in (1, 2):
        now = NOW + hour * DAY / 24
        intake.revise_case(case, {"onset": TODAY + 2 * DAY}, by=anna, now=now)
        assert Reason.QUARANTINE_MISFIT in reasons(monitoring)
        intake.revise_case(case, {"onset": TODAY - 3 * DAY}, by=anna, now=now)
        assert Reason.QUARANTINE_MISFIT not in reasons(monitoring)


def test_a_discarded_case_releases_its_contacts_by_proposal(named, case, anna):
    found = followed(named(), anna, issue=True)

    intake.revise_case(case, {"classification": "discarded"}, by=anna, now=NOW)

    assert proposed(found.monitoring) == ("lift", TODAY)
    assert Reason.QUARANTINE_MISFIT in reasons(found.monitoring)


def test_a_dismissed_contact_counts_no_more(named, anna):
    contact = named()
    found = followed(contact, anna, issue=True)

    tracing.dismiss(contact, why="was on holiday", by=anna, now=NOW)
    assert proposed(found.monitoring) == ("lift", TODAY)

    tracing.bring_back(contact, by=anna, now=NOW)
    assert proposed(found.monitoring) is None


def test_what_was_typed_before_counts_beside_the_exposures(named, quarantined, anna):
    monitoring = quarantined(last_exposure=TODAY)

    followed(named(), anna, who=monitoring.person)

    assert proposed(monitoring) == ("start", TODAY + 10 * DAY)
    monitoring.refresh_from_db()
    assert (monitoring.stated_kind, monitoring.stated_day) == ("last_exposure", TODAY)


@pytest.fixture
def quarantined(disease, anna):
    def open_quarantine(**fields):
        return intake.open_quarantine(
            factories.KoljaFactory(), disease=disease, by=anna, now=NOW, **fields
        )

    return open_quarantine


def test_a_quarantine_that_ended_too_early_is_said(named, case, anna):
    intake.revise_case(case, {"onset": TODAY - 9 * DAY}, by=anna, now=NOW)
    contact = named(meeting(8), meeting(7))
    found = followed(contact, anna, issue=True)
    later = NOW + 4 * DAY
    containment.conclude(found.monitoring, conclusion="released", by=anna, now=later)

    naming.record_exposure(contact, meeting(0), by=anna, now=later)

    assert reasons(found.monitoring) == {Reason.QUARANTINE_MISFIT}
    assert not found.person.monitorings.open().exists()


# --- A contact turns case, and back ---------------------------------------------------


def test_a_contact_turns_case_with_all_that_follows(named, case, anna):
    found = followed(named(), anna, issue=True)
    kolja, quarantine = found.person, found.monitoring
    held = named(
        by=factories.UserFactory(), met=kolja, given_name="Mother", hint="at home"
    )

    turned = report(kolja, by=anna, onset=TODAY, found_by="contact")

    quarantine.refresh_from_db()
    held.refresh_from_db()
    assert quarantine.conclusion == "turned_case"
    assert kolja.monitorings.open().get().kind == "isolation"
    assert (held.state, held.case) == ("named", turned)
    assert held.exposures.get().case == turned
    assert reasons(turned) == {Reason.CONTACTS_NAMED}
    link = SourceLink.objects.get()
    assert (link.case, link.source, link.strength) == (turned, case, "named")


def test_a_discarded_contact_has_the_rest_of_the_quarantine(named, case, anna):
    found = followed(named(), anna, issue=True)
    turned = report(found.person, by=anna, onset=TODAY, found_by="contact")

    intake.revise_case(turned, {"classification": "discarded"}, by=anna, now=NOW)

    assert reasons(found.monitoring) == {Reason.QUARANTINE_MISFIT}


# --- The order of facts ---------------------------------------------------------------


def outcome(found):
    order = Order.objects.get(monitoring=found.monitoring)
    found.monitoring.refresh_from_db()
    return (
        order.effect, order.until, order.steps, found.monitoring.until,
        found.monitoring.risk_category, found.monitoring.not_ordered,
        sorted(Exposure.objects.values_list("day", "is_infectious_day", "category")),
    )  # fmt: skip


def test_the_order_in_which_facts_arrive_never_changes_the_proposal(named, case, anna):
    contact = named(meeting(2))
    other = report(factories.PersonFactory(), by=anna, onset=TODAY - 6 * DAY)
    second = named(meeting(6, setting="household"), met=other.person)
    found = followed(contact, anna)
    followed(second, anna, who=found.person)
    away = naming.record_exposure(contact, meeting(1), by=anna, now=NOW)
    facts = {
        "onset": lambda: intake.revise_case(
            case, {"onset": TODAY - 2 * DAY}, by=anna, now=NOW
        ),
        "other onset": lambda: intake.revise_case(
            other, {"onset": TODAY - 5 * DAY}, by=anna, now=NOW
        ),
        "specimen": lambda: intake.revise_case(
            other, {"specimen_date": TODAY - 4 * DAY}, by=anna, now=NOW
        ),
        "added": lambda: naming.record_exposure(
            contact, meeting(3), by=anna, now=NOW
        ),
        "withdrawn": lambda: naming.withdraw_exposure(away, by=anna, now=NOW),
        "at risk": lambda: naming.revise_contact(
            Contact.objects.get(pk=contact.pk), {"at_risk": "yes"}, by=anna, now=NOW
        ),
        "shorter": lambda: naming.revise_exposure(
            contact.exposures.get(day=TODAY - 2 * DAY), {"minutes": 3}, by=anna, now=NOW
        ),
    }  # fmt: skip
    orders = list(itertools.permutations(facts))
    random.Random(7).shuffle(orders)
    seen = []
    for order in orders[:12]:
        with transaction.atomic():
            for name in order:
                facts[name]()
            seen.append((order, outcome(found)))
            transaction.set_rollback(True)

    assert len({str(result) for _order, result in seen}) == 1, seen


def test_naming_and_taking_over_survive_every_refusal(named, anna):
    def both():
        contact = named()
        followed(contact, anna, issue=True, channel="sms")

    assert survives(both, lambda: (Contact.objects.count(), Exposure.objects.count()))
