import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from cases import containment, escalation, intake
from cases.models import Case, Escalation, Monitoring, Order, Person, Revision, Service
from quarano.audit.models import Event
from quarano.notifications import outbox
from quarano.notifications.models import Message
from tests import factories
from tests.factories import DAY, NOW, TODAY
from tests.faults import survives

Reason = Escalation.Reason
Effect = Order.Effect


def open_reasons(person):
    return set(
        Escalation.objects.open().filter(person=person).values_list("reason", flat=True)
    )


def issued(monitoring, anna, now=NOW):
    order = containment.issue(monitoring, by=anna, now=now)
    monitoring.refresh_from_db()
    return order


def codes(order):
    return [step["code"] for step in order.steps]


@pytest.fixture
def ordered(isolation, anna):
    """Ida's isolation, ordered until TODAY + 7."""
    issued(isolation, anna)
    return isolation


def enter_hospital(monitoring, anna, now=NOW):
    containment.set_hospital(
        monitoring.case, containment.current().localdate(now), None, by=anna, now=now
    )
    monitoring.refresh_from_db()


# --- Proposals ----------------------------------------------------------------------


def test_a_proposal_holds_the_sum_and_its_policy(isolation):
    order = isolation.orders.get()

    assert not order.is_issued
    assert (order.effect, order.start, order.until) == ("start", TODAY, TODAY + 7 * DAY)
    assert codes(order) == ["onset", "isolation_days", "sum", "symptom_free"]
    assert order.policy.shipped
    assert isolation.until == order.until


def test_a_proposal_is_recomputed_in_place(isolation, anna):
    before = isolation.orders.get()

    intake.revise_case(isolation.case, {"onset": TODAY - DAY}, by=anna, now=NOW + DAY)

    after = isolation.orders.get()
    isolation.refresh_from_db()
    assert after.pk == before.pk
    assert after.until == isolation.until == TODAY + 9 * DAY
    assert isolation.anchor_day == TODAY - DAY
    assert after.proposed_at == NOW + DAY


def test_proposing_twice_is_proposing_once(isolation):
    version = isolation.version

    again = containment.propose(isolation, now=NOW + DAY)

    isolation.refresh_from_db()
    assert again.proposed_at == NOW
    assert isolation.version == version
    assert Event.objects.filter(verb="order.proposed").count() == 1


def test_a_proposal_follows_the_policy_of_the_day(isolation):
    factories.PolicyFactory(valid_from=TODAY + DAY, isolation_days=5)

    unchanged = containment.propose(isolation, now=NOW)
    changed = containment.propose(isolation, now=NOW + DAY)

    assert unchanged.until == TODAY + 7 * DAY
    assert changed.until == TODAY + 2 * DAY
    assert changed.policy.isolation_days == 5


def test_the_day_of_the_decision_is_the_authoritys(taken_up):
    half_past_midnight = dt.datetime(2026, 11, 24, 23, 30, tzinfo=dt.UTC)

    monitoring = taken_up(now=half_past_midnight).monitorings.get()

    assert monitoring.start == TODAY + DAY


def test_symptoms_of_the_diary_move_the_proposal(isolation):
    last = NOW + 7 * DAY
    Person.objects.filter(pk=isolation.person_id).update(last_counting_symptom_at=last)

    order = containment.propose(isolation, now=last)

    # Well from the day after the last symptom, for 48 h at the end of the next.
    assert order.until == TODAY + 9 * DAY
    assert codes(order)[-1] == "later_for_symptoms"


def test_only_one_proposal_stands_at_a_time(isolation):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.OrderFactory(monitoring=isolation)


# --- Issuing ------------------------------------------------------------------------


def test_an_issued_order_names_official_policy_and_reasons(isolation, anna):
    order = containment.issue(isolation, by=anna, now=NOW, reasons="as told by phone")

    assert (order.issued_at, order.issued_by) == (NOW, anna)
    assert order.reasons == "as told by phone"
    assert order.legal_basis
    assert containment.in_force(isolation) == order
    assert Event.objects.get(verb="order.issued").actor == anna.pk


def test_an_issued_order_is_frozen(ordered, anna):
    before = Order.objects.filter(pk=containment.in_force(ordered).pk).values().get()

    intake.revise_case(ordered.case, {"onset": TODAY}, by=anna, now=NOW + DAY)
    containment.propose(ordered, now=NOW + 2 * DAY)

    assert Order.objects.filter(pk=before["id"]).values().get() == before


def test_what_is_ordered_is_the_end_whatever_is_proposed_beside_it(ordered, anna):
    intake.revise_case(ordered.case, {"onset": TODAY}, by=anna, now=NOW)

    ordered.refresh_from_db()
    beside = containment.proposal(ordered)
    assert (beside.effect, beside.until) == (Effect.EXTEND, TODAY + 10 * DAY)
    assert ordered.until == TODAY + 7 * DAY


def test_an_earlier_onset_proposes_shortening(ordered, anna):
    intake.revise_case(ordered.case, {"onset": TODAY - 5 * DAY}, by=anna, now=NOW)

    beside = containment.proposal(ordered)
    assert (beside.effect, beside.until) == (Effect.SHORTEN, TODAY + 5 * DAY)


def test_an_onset_so_early_that_the_end_is_past_proposes_lifting(ordered, anna):
    intake.revise_case(ordered.case, {"onset": TODAY - 20 * DAY}, by=anna, now=NOW)

    beside = containment.proposal(ordered)
    assert (beside.effect, beside.until) == (Effect.LIFT, TODAY)


def test_a_proposal_that_fits_again_is_dropped(ordered, anna):
    intake.revise_case(ordered.case, {"onset": TODAY}, by=anna, now=NOW)
    intake.revise_case(ordered.case, {"onset": TODAY - 3 * DAY}, by=anna, now=NOW)

    assert containment.proposal(ordered) is None


def test_issuing_a_change_replaces_the_order(ordered, anna):
    first = containment.in_force(ordered)
    intake.revise_case(ordered.case, {"onset": TODAY}, by=anna, now=NOW)

    second = issued(ordered, anna)

    assert (second.effect, second.replaces) == (Effect.EXTEND, first)
    assert containment.in_force(ordered) == second
    assert ordered.until == TODAY + 10 * DAY


def test_two_orders_of_one_moment_are_told_apart(ordered, anna):
    second = containment.extend(
        ordered, until=TODAY + 9 * DAY, reasons="test", by=anna, now=NOW
    )
    third = containment.extend(
        ordered, until=TODAY + 11 * DAY, reasons="test", by=anna, now=NOW
    )

    assert third.replaces == second
    assert containment.in_force(ordered) == third


def test_nothing_is_issued_twice(ordered, anna):
    with pytest.raises(containment.NoProposal):
        containment.issue(ordered, by=anna, now=NOW)


def test_an_end_that_nobody_has_seen_is_not_issued(isolation, anna):
    factories.PolicyFactory(valid_from=TODAY + DAY, isolation_days=5)

    with pytest.raises(containment.ProposalChanged):
        containment.issue(isolation, by=anna, now=NOW + DAY)

    # Now it stands on the page, and may be issued.
    order = containment.issue(isolation, by=anna, now=NOW + DAY)
    assert order.until == TODAY + 2 * DAY


def test_an_end_in_the_past_is_not_issued(isolation, anna):
    with pytest.raises(containment.EndPast):
        containment.issue(isolation, by=anna, now=NOW + 8 * DAY)


def test_only_a_physician_issues_another_end_than_the_computed(isolation, anna, paula):
    end = TODAY + 12 * DAY
    with pytest.raises(containment.NotAPhysician):
        containment.issue(isolation, by=anna, now=NOW, until=end, reasons="frail")
    with pytest.raises(containment.ReasonsNeeded):
        containment.issue(isolation, by=paula, now=NOW, until=end)

    order = containment.issue(isolation, by=paula, now=NOW, until=end, reasons="frail")

    assert order.until == end
    assert order.steps[-1] == {"code": "decided", "day": end.isoformat()}


def test_issuing_survives_every_refusal(isolation, anna):
    assert survives(lambda: containment.issue(isolation, by=anna, now=NOW))


# --- Without a computed end ---------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        {"severe_course": True},
        {"immune_suppressed": True},
        {"onset": None, "onset_kind": Case.Onset.UNKNOWN},
    ],
)
def test_without_a_computed_end_only_a_physician_issues(taken_up, facts, anna, paula):
    monitoring = taken_up(**facts).monitorings.get()
    assert monitoring.until is None
    assert containment.proposal(monitoring).until is None

    with pytest.raises(containment.EndNeeded):
        containment.issue(monitoring, by=anna, now=NOW)
    with pytest.raises(containment.NotAPhysician):
        containment.issue(monitoring, by=anna, now=NOW, until=TODAY + 14 * DAY)

    order = containment.issue(monitoring, by=paula, now=NOW, until=TODAY + 14 * DAY)
    monitoring.refresh_from_db()
    assert order.until == monitoring.until == TODAY + 14 * DAY
    assert containment.propose(monitoring, now=NOW) is None


def test_in_hospital_no_end_is_computed(isolation, anna):
    enter_hospital(isolation, anna)

    assert isolation.until is None
    assert codes(containment.proposal(isolation)) == ["physician_decides"]


def test_out_of_hospital_the_end_is_computed_again(isolation, anna):
    enter_hospital(isolation, anna)

    containment.set_hospital(
        isolation.case, TODAY, TODAY + 2 * DAY, by=anna, now=NOW + 3 * DAY
    )

    isolation.refresh_from_db()
    assert isolation.until == TODAY + 7 * DAY


def test_an_order_given_before_hospital_stands_until_a_physician_decides(
    ordered, anna, paula
):
    enter_hospital(ordered, anna)

    assert ordered.until == TODAY + 7 * DAY
    beside = containment.proposal(ordered)
    assert (beside.effect, beside.until) == (Effect.EXTEND, None)
    with pytest.raises(containment.NotAPhysician):
        containment.extend(
            ordered, until=TODAY + 9 * DAY, reasons="ill", by=anna, now=NOW
        )

    order = containment.issue(ordered, by=paula, now=NOW, until=TODAY + 9 * DAY)
    assert order.effect == Effect.EXTEND
    assert containment.propose(ordered, now=NOW) is None


def test_hospital_rests_the_reminders(ordered, anna):
    reminder = remind(ordered.person)

    enter_hospital(ordered, anna)

    reminder.refresh_from_db()
    assert reminder.state == Message.State.VOID


# --- Extending, shortening, lifting -------------------------------------------------


def test_extending_is_a_new_order_that_replaces(ordered, anna):
    first = containment.in_force(ordered)

    second = containment.extend(
        ordered, until=TODAY + 9 * DAY, reasons="still coughs", by=anna, now=NOW + DAY
    )

    ordered.refresh_from_db()
    first.refresh_from_db()
    assert (second.effect, second.replaces) == (Effect.EXTEND, first)
    assert second.start == first.start
    assert first.until == TODAY + 7 * DAY
    assert ordered.until == TODAY + 9 * DAY
    assert second.steps[-1] == {
        "code": "decided",
        "day": (TODAY + 9 * DAY).isoformat(),
    }
    assert Event.objects.get(verb="order.extended").actor == anna.pk


def test_a_decided_extension_is_not_proposed_away(ordered, anna):
    containment.extend(ordered, until=TODAY + 9 * DAY, reasons="x", by=anna, now=NOW)

    assert containment.propose(ordered, now=NOW + DAY) is None


def test_a_decided_shortening_is_not_proposed_away(ordered, anna):
    containment.shorten(ordered, until=TODAY + 5 * DAY, reasons="x", by=anna, now=NOW)

    assert containment.propose(ordered, now=NOW + DAY) is None


def test_symptoms_after_the_order_propose_the_later_end(ordered):
    last = NOW + 7 * DAY
    Person.objects.filter(pk=ordered.person_id).update(last_counting_symptom_at=last)

    beside = containment.propose(ordered, now=last)

    assert (beside.effect, beside.until) == (Effect.EXTEND, TODAY + 9 * DAY)


@pytest.mark.parametrize("days", [6, 7])
def test_extending_needs_a_later_end(ordered, anna, days):
    with pytest.raises(containment.NotLater):
        containment.extend(
            ordered, until=TODAY + days * DAY, reasons="x", by=anna, now=NOW
        )


def test_shortening_is_a_new_order(ordered, anna):
    order = containment.shorten(
        ordered, until=TODAY + 3 * DAY, reasons="test", by=anna, now=NOW
    )

    ordered.refresh_from_db()
    assert (order.effect, ordered.until) == (Effect.SHORTEN, TODAY + 3 * DAY)
    with pytest.raises(containment.NotEarlier):
        containment.shorten(
            ordered, until=TODAY + 3 * DAY, reasons="test", by=anna, now=NOW
        )
    with pytest.raises(containment.EndPast):
        containment.shorten(ordered, until=TODAY - DAY, reasons="x", by=anna, now=NOW)


def test_lifting_ends_the_order_today_and_not_the_monitoring(ordered, anna):
    order = containment.lift(ordered, reasons="false alarm", by=anna, now=NOW + DAY)

    ordered.refresh_from_db()
    assert (order.effect, order.until) == (Effect.LIFT, TODAY + DAY)
    assert ordered.until == TODAY + DAY
    assert ordered.is_open
    assert order.steps[-1]["code"] == "lifted"


def test_what_is_lifted_is_not_proposed_again(ordered, anna):
    containment.lift(ordered, reasons="false alarm", by=anna, now=NOW)
    last = NOW + 7 * DAY
    Person.objects.filter(pk=ordered.person_id).update(last_counting_symptom_at=last)

    assert containment.propose(ordered, now=last) is None


def test_what_is_lifted_is_neither_lifted_nor_shortened(ordered, anna):
    containment.lift(ordered, reasons="false alarm", by=anna, now=NOW)

    with pytest.raises(containment.NotOrdered):
        containment.lift(ordered, reasons="again", by=anna, now=NOW)
    with pytest.raises(containment.NotOrdered):
        containment.shorten(ordered, until=TODAY, reasons="x", by=anna, now=NOW)


def test_a_lifting_by_mistake_is_ordered_anew_from_that_day(ordered, anna):
    containment.lift(ordered, reasons="mistaken", by=anna, now=NOW)

    order = containment.extend(
        ordered, until=TODAY + 7 * DAY, reasons="a slip", by=anna, now=NOW + DAY
    )

    assert (order.effect, order.start) == (Effect.START, TODAY + DAY)


def test_after_a_lapse_nothing_is_ordered_for_the_days_between(ordered, anna):
    late = NOW + 9 * DAY

    order = containment.extend(
        ordered, until=TODAY + 12 * DAY, reasons="coughs", by=anna, now=late
    )

    assert order.start == TODAY + 9 * DAY
    with pytest.raises(containment.NotOrdered):
        containment.lift(ordered, reasons="x", by=anna, now=NOW + 20 * DAY)


def test_a_physicians_case_is_set_free_by_a_physician(ordered, anna, paula):
    enter_hospital(ordered, anna)

    with pytest.raises(containment.NotAPhysician):
        containment.lift(ordered, reasons="well", by=anna, now=NOW)
    assert containment.lift(ordered, reasons="well", by=paula, now=NOW)


@pytest.mark.parametrize(
    "step",
    [
        lambda m, by: containment.extend(
            m, until=TODAY + 9 * DAY, reasons=" ", by=by, now=NOW
        ),
        lambda m, by: containment.shorten(m, until=TODAY, reasons="", by=by, now=NOW),
        lambda m, by: containment.lift(m, reasons="", by=by, now=NOW),
    ],
)
def test_every_change_of_an_order_gives_its_reasons(ordered, anna, step):
    with pytest.raises(containment.ReasonsNeeded):
        step(ordered, anna)


def test_what_was_never_ordered_is_not_changed(isolation, anna):
    with pytest.raises(containment.NotOrdered):
        containment.extend(
            isolation, until=TODAY + 20 * DAY, reasons="x", by=anna, now=NOW
        )
    with pytest.raises(containment.NotOrdered):
        containment.lift(isolation, reasons="x", by=anna, now=NOW)


def test_a_later_end_decides_what_waited_for_it(ordered, anna):
    for reason in (Reason.ENDS, Reason.ENDS_WITH_SYMPTOMS, Reason.LAPSED_UNDECIDED):
        escalation.raise_(ordered, reason, occasion="x", facts={}, now=NOW)
    escalation.raise_(ordered, Reason.FEVER, occasion="x", facts={}, now=NOW)

    containment.extend(ordered, until=TODAY + 9 * DAY, reasons="x", by=anna, now=NOW)

    assert open_reasons(ordered.person) == {Reason.FEVER, Reason.FIRST_CALL}


def test_extending_survives_every_refusal(ordered, anna):
    assert survives(
        lambda: containment.extend(
            ordered, until=TODAY + 9 * DAY, reasons="x", by=anna, now=NOW
        )
    )


def test_lifting_survives_every_refusal(ordered, anna):
    assert survives(lambda: containment.lift(ordered, reasons="x", by=anna, now=NOW))


# --- A discarded case ---------------------------------------------------------------


def test_a_discarded_case_proposes_lifting(ordered, anna):
    intake.revise_case(
        ordered.case, {"classification": "discarded"}, by=anna, now=NOW + DAY
    )

    beside = containment.proposal(ordered)
    assert (beside.effect, beside.until) == (Effect.LIFT, TODAY + DAY)
    assert codes(beside) == ["discarded"]
    assert containment.in_force(ordered).effect == Effect.START  # nobody lifted it yet


def test_the_lifting_of_a_discarded_case_is_issued(ordered, anna):
    intake.revise_case(ordered.case, {"classification": "discarded"}, by=anna, now=NOW)

    order = issued(ordered, anna)

    assert (order.effect, ordered.until) == (Effect.LIFT, TODAY)
    assert containment.propose(ordered, now=NOW + DAY) is None


def test_nothing_is_lifted_that_was_never_ordered(isolation, anna):
    intake.revise_case(
        isolation.case, {"classification": "discarded"}, by=anna, now=NOW
    )

    with pytest.raises(containment.NotOrdered):
        containment.issue(isolation, by=anna, now=NOW)


# --- Quarantine ---------------------------------------------------------------------


def test_a_new_exposure_proposes_the_later_end(quarantine, anna):
    order = containment.expose_again(
        quarantine, last_exposure=TODAY, by=anna, now=NOW + DAY
    )

    quarantine.refresh_from_db()
    assert order.until == quarantine.until == TODAY + 10 * DAY


def test_an_earlier_exposure_changes_nothing(quarantine, anna):
    containment.expose_again(
        quarantine, last_exposure=TODAY - 5 * DAY, by=anna, now=NOW + DAY
    )

    quarantine.refresh_from_db()
    assert quarantine.until == TODAY + 8 * DAY
    assert quarantine.anchor_day == TODAY - 2 * DAY


def test_a_new_exposure_under_an_order_is_only_proposed(quarantine, anna):
    issued(quarantine, anna)

    beside = containment.expose_again(
        quarantine, last_exposure=TODAY, by=anna, now=NOW + DAY
    )

    quarantine.refresh_from_db()
    assert (beside.effect, beside.until) == (Effect.EXTEND, TODAY + 10 * DAY)
    assert quarantine.until == TODAY + 8 * DAY


@pytest.mark.parametrize("is_ordered", [False, True])
def test_further_cases_at_home_count_to_the_cap(disease, anna, is_ordered):
    household = intake.open_quarantine(
        factories.KoljaFactory(),
        disease=disease,
        last_exposure=TODAY - 2 * DAY,
        household=True,
        by=anna,
        now=NOW,
    )
    assert household.until == TODAY + 12 * DAY
    if is_ordered:
        issued(household, anna)

    first = containment.expose_again(
        household, last_exposure=TODAY, by=anna, now=NOW + DAY
    )
    assert first.until == TODAY + 14 * DAY
    second = containment.expose_again(
        household, last_exposure=TODAY + 9 * DAY, by=anna, now=NOW + 9 * DAY
    )

    household.refresh_from_db()
    assert second.until == TODAY + 18 * DAY  # 20 days after the first case's onset
    assert household.anchor_day == TODAY - 2 * DAY
    assert containment.propose(household, now=NOW + 10 * DAY).until == second.until


# --- Opening ------------------------------------------------------------------------


def test_opening_asks_for_the_first_call_in_a_day(isolation):
    found = Escalation.objects.get(reason=Reason.FIRST_CALL)

    assert (found.monitoring, found.due_at) == (isolation, NOW + DAY)
    assert found.policy.shipped


def test_one_monitoring_is_open_per_person_disease_and_kind(isolation, anna):
    with pytest.raises(containment.AlreadyFollowed) as refused:
        containment.open_monitoring(
            isolation.person,
            kind="isolation",
            disease=isolation.disease,
            case=isolation.case,
            reported_at=NOW,
            by=anna,
            now=NOW,
        )
    assert refused.value.monitoring == isolation

    with pytest.raises(IntegrityError, match="one_open_monitoring"):
        factories.MonitoringFactory(
            person=isolation.person, kind="isolation", case=isolation.case
        )


def test_an_order_of_a_monitoring_ends_after_it_starts(quarantine):
    with (
        pytest.raises(IntegrityError, match="monitoring_until_after_start"),
        transaction.atomic(),
    ):
        Monitoring.objects.filter(pk=quarantine.pk).update(until=TODAY - DAY)
    with pytest.raises(IntegrityError, match="order_issued_has_end"):
        Order.objects.filter(monitoring=quarantine).update(
            issued_at=NOW, issued_by=quarantine.opened_by, until=None
        )


# --- Service ------------------------------------------------------------------------


def test_an_order_takes_effect_with_its_service(ordered, anna):
    order = containment.in_force(ordered)

    service = containment.serve(
        order, way=Service.Way.ORAL, effective_on=TODAY, by=anna, now=NOW
    )

    ordered.refresh_from_db()
    assert (service.effective_on, service.served_by) == (TODAY, anna)
    assert ordered.told_at == NOW
    assert Event.objects.get(verb="order.served").codes == {"way": "oral"}


def test_duties_never_begin_before_service(ordered, anna):
    order = containment.in_force(ordered)

    with pytest.raises(containment.NotServedYet):
        containment.serve(
            order, way=Service.Way.HAND, effective_on=TODAY - DAY, by=anna, now=NOW
        )


def test_a_letter_on_its_way_has_told_nobody(ordered, anna):
    order = containment.in_force(ordered)

    containment.serve(
        order, way=Service.Way.POST, effective_on=TODAY + 3 * DAY, by=anna, now=NOW
    )

    ordered.refresh_from_db()
    assert ordered.told_at is None


def test_a_proposal_is_not_served(isolation, anna):
    with pytest.raises(containment.NotIssued):
        containment.serve(
            containment.proposal(isolation),
            way=Service.Way.ORAL,
            effective_on=TODAY,
            by=anna,
            now=NOW,
        )


# --- Concluding ---------------------------------------------------------------------


def remind(person, purpose="diary"):
    return outbox.write(
        f"{purpose}:{person.pk}:2026-11-24-morning:first:mail",
        template="diaries/messages/reminder",
        channel="mail",
        recipient="ida@example.org",
        language="en",
        about=person.pk,
        now=NOW,
    )


def test_concluding_says_why_who_and_when(ordered, anna):
    late = NOW + 7 * DAY

    done = containment.conclude(ordered, conclusion="released", by=anna, now=late)

    assert (done.status, done.conclusion) == ("concluded", "released")
    assert (done.concluded_at, done.concluded_by) == (late, anna)
    assert Event.objects.get(verb="monitoring.concluded").codes == {
        "conclusion": "released"
    }


def test_nothing_is_done_with_what_is_concluded(ordered, anna):
    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)

    for step in (
        lambda: containment.conclude(ordered, conclusion="moved", by=anna, now=NOW),
        lambda: containment.propose(ordered, now=NOW),
        lambda: containment.issue(ordered, by=anna, now=NOW),
        lambda: containment.lift(ordered, reasons="x", by=anna, now=NOW),
        lambda: containment.lapse(ordered, now=NOW + 30 * DAY),
    ):
        with pytest.raises(containment.AlreadyConcluded):
            step()


@pytest.mark.parametrize("conclusion", ["released", "erroneous"])
def test_nobody_is_released_under_a_running_order(ordered, anna, conclusion):
    with pytest.raises(containment.OrderRunning):
        containment.conclude(ordered, conclusion=conclusion, by=anna, now=NOW)

    containment.lift(ordered, reasons="well", by=anna, now=NOW)
    containment.conclude(ordered, conclusion=conclusion, by=anna, now=NOW)


def test_a_release_with_residual_symptoms_is_a_physicians(ordered, anna, paula):
    last = NOW + 7 * DAY
    Person.objects.filter(pk=ordered.person_id).update(
        last_counting_symptom_at=last - 2 * DAY + dt.timedelta(hours=1)
    )

    with pytest.raises(containment.NotAPhysician):
        containment.conclude(ordered, conclusion="released", by=anna, now=last)
    containment.conclude(ordered, conclusion="released", by=paula, now=last)


def test_symptoms_two_days_ago_do_not_hinder_a_release(ordered, anna):
    last = NOW + 7 * DAY
    Person.objects.filter(pk=ordered.person_id).update(
        last_counting_symptom_at=last - 2 * DAY
    )

    assert containment.conclude(ordered, conclusion="released", by=anna, now=last)


def test_nothing_lapses_before_its_end(ordered, anna):
    with pytest.raises(containment.CannotLapse):
        containment.conclude(ordered, conclusion="lapsed", by=anna, now=NOW + 7 * DAY)

    containment.conclude(ordered, conclusion="lapsed", by=anna, now=NOW + 8 * DAY)


def test_concluding_drops_the_proposal(isolation, anna):
    containment.conclude(isolation, conclusion="moved", by=anna, now=NOW)

    assert not isolation.orders.exists()


def test_concluding_voids_reminders_and_codes(ordered, anna):
    reminder = remind(ordered.person)
    code = factories.EnrolmentCodeFactory(person=ordered.person)

    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)

    reminder.refresh_from_db()
    code.refresh_from_db()
    assert reminder.state == Message.State.VOID
    assert code.voided_at == NOW


def test_reminders_go_on_while_another_monitoring_is_open(ordered, anna):
    other = factories.DiseaseFactory(code="measles")
    factories.MonitoringFactory(person=ordered.person, disease=other)
    reminder = remind(ordered.person)

    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)

    reminder.refresh_from_db()
    assert reminder.state == Message.State.WAITING


def test_concluding_clears_all_but_what_is_medical(ordered, anna):
    for reason in Reason:
        if reason not in (Reason.FIRST_CALL, Reason.ONSET_DIFFERS):
            escalation.raise_(ordered, reason, occasion="x", facts={}, now=NOW)

    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)

    assert open_reasons(ordered.person) == Escalation.MEDICAL


def test_concluding_one_of_two_as_erroneous_settles_the_duplicate(isolation, anna):
    twin = factories.PersonFactory()
    escalation.raise_(
        twin, Reason.POSSIBLE_DUPLICATE, occasion=str(isolation.person_id), facts={},
        now=NOW,
    )  # fmt: skip

    containment.conclude(isolation, conclusion="erroneous", by=anna, now=NOW)

    assert open_reasons(twin) == set()


def test_concluding_survives_every_refusal(isolation, anna):
    remind(isolation.person)

    assert survives(
        lambda: containment.conclude(isolation, conclusion="moved", by=anna, now=NOW)
    )


# --- Lapsing by the rule ------------------------------------------------------------


def test_a_monitoring_lapses_by_the_rule_after_its_last_day(ordered):
    assert not containment.may_lapse(ordered, now=NOW + 7 * DAY)

    done = containment.lapse(ordered, now=NOW + 8 * DAY)

    assert (done.conclusion, done.concluded_by) == ("lapsed", None)


def test_the_last_day_ends_at_midnight_of_the_authority(ordered):
    midnight = dt.datetime(2026, 12, 1, 23, tzinfo=dt.UTC)  # 24:00 of TODAY + 7 there

    assert not containment.may_lapse(ordered, now=midnight - dt.timedelta(seconds=1))
    assert containment.may_lapse(ordered, now=midnight)


def hold_by_test(monitoring, anna):
    factories.TestFactory(person=monitoring.person)


def hold_by_escalation(monitoring, anna):
    escalation.raise_(monitoring, Reason.FEVER, occasion="x", facts={}, now=NOW)


def hold_by_hospital(monitoring, anna):
    enter_hospital(monitoring, anna)


@pytest.mark.parametrize("hold", [hold_by_test, hold_by_escalation, hold_by_hospital])
def test_what_is_open_keeps_a_monitoring_from_lapsing(ordered, anna, hold):
    hold(ordered, anna)

    with pytest.raises(containment.CannotLapse):
        containment.lapse(ordered, now=NOW + 8 * DAY)


def test_what_was_never_ordered_does_not_lapse_as_ordered(isolation):
    with pytest.raises(containment.CannotLapse):
        containment.lapse(isolation, now=NOW + 8 * DAY)


# --- Reopening ----------------------------------------------------------------------


def test_a_supervisor_reopens(ordered, anna, oemer):
    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)

    again = containment.reopen(ordered, by=oemer, now=NOW + DAY)

    assert (again.status, again.conclusion, again.concluded_at) == ("open", "", None)
    assert again.until == TODAY + 7 * DAY
    assert Event.objects.get(verb="monitoring.reopened").actor == oemer.pk
    with pytest.raises(containment.NotConcluded):
        containment.reopen(ordered, by=oemer, now=NOW + DAY)


def test_reopening_proposes_what_was_never_ordered(isolation, anna, oemer):
    containment.conclude(isolation, conclusion="erroneous", by=anna, now=NOW)

    containment.reopen(isolation, by=oemer, now=NOW + DAY)

    assert containment.proposal(isolation).until == TODAY + 7 * DAY


def test_an_end_that_has_passed_is_proposed_to_nobody(ordered, anna, oemer):
    """An onset two days later moves an end that is over either way."""
    after = NOW + 12 * DAY
    containment.conclude(ordered, conclusion="moved", by=anna, now=after)
    later = {"onset_kind": Case.Onset.DATE, "onset": ordered.case.onset + 2 * DAY}
    intake.revise_case(ordered.case, later, by=anna, now=after)

    again = containment.reopen(ordered, by=oemer, now=after)

    assert containment.proposal(again) is None
    assert again.until == TODAY + 7 * DAY


def test_nothing_is_reopened_beside_an_open_one(ordered, anna, oemer, taken_up):
    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)
    newer = taken_up(person=ordered.person).monitorings.get()

    with pytest.raises(containment.AlreadyFollowed) as refused:
        containment.reopen(ordered, by=oemer, now=NOW)
    assert refused.value.monitoring == newer


# --- Death --------------------------------------------------------------------------


def test_a_death_stops_everything_in_one_transaction(ordered, anna):
    person = ordered.person
    messages = [remind(person), remind(person, "invitation"), remind(person, "letter")]
    code = factories.EnrolmentCodeFactory(person=person)
    for reason in (Reason.ENTRY_MISSING, Reason.SILENT, Reason.FEVER):
        escalation.raise_(ordered, reason, occasion="x", facts={}, now=NOW)
    escalation.raise_(
        ordered.case, Reason.ONSET_DIFFERS, occasion="x", facts={}, now=NOW
    )
    escalation.raise_(person, Reason.MESSAGE_FAILED, occasion="x", facts={}, now=NOW)

    containment.record_death(person, died_on=TODAY, by=anna, now=NOW)

    for row in [person, ordered, code, *messages]:
        row.refresh_from_db()
    assert person.died_on == TODAY
    assert {message.state for message in messages} == {Message.State.VOID}
    assert (ordered.conclusion, ordered.concluded_by) == ("deceased", anna)
    assert code.voided_at == NOW
    assert open_reasons(person) == {Reason.FEVER}
    assert Event.objects.get(verb="person.died").fields == ["died_on"]
    assert Revision.objects.filter(verb="person.died").exists()


def test_a_death_leaves_the_messages_of_others(ordered, quarantine, anna):
    other = remind(quarantine.person)

    containment.record_death(ordered.person, died_on=TODAY, by=anna, now=NOW)

    other.refresh_from_db()
    assert other.state == Message.State.WAITING


def test_a_death_is_recorded_once_and_not_ahead(ordered, anna):
    with pytest.raises(containment.DayToCome):
        containment.record_death(ordered.person, died_on=TODAY + DAY, by=anna, now=NOW)
    containment.record_death(ordered.person, died_on=TODAY, by=anna, now=NOW)
    with pytest.raises(containment.Deceased):
        containment.record_death(ordered.person, died_on=TODAY, by=anna, now=NOW)


def test_nobody_follows_the_dead(ordered, anna, disease, taken_up):
    containment.record_death(ordered.person, died_on=TODAY, by=anna, now=NOW)

    with pytest.raises(containment.Deceased):
        taken_up(person=ordered.person)
    with pytest.raises(containment.Deceased):
        intake.open_quarantine(
            ordered.person, disease=disease, last_exposure=TODAY, by=anna, now=NOW
        )


def test_a_death_by_mistake_is_taken_back_by_reopening(ordered, anna, oemer):
    containment.record_death(ordered.person, died_on=TODAY, by=anna, now=NOW)

    containment.reopen(ordered, by=oemer, now=NOW + DAY)

    ordered.person.refresh_from_db()
    assert ordered.person.died_on is None


def test_a_monitoring_that_ended_before_a_death_stays_closed(
    ordered, anna, oemer, taken_up
):
    containment.conclude(ordered, conclusion="moved", by=anna, now=NOW)
    containment.record_death(ordered.person, died_on=TODAY, by=anna, now=NOW)

    with pytest.raises(containment.Deceased):
        containment.reopen(ordered, by=oemer, now=NOW)


def test_a_death_survives_every_refusal(ordered, anna):
    remind(ordered.person)
    factories.EnrolmentCodeFactory(person=ordered.person)

    assert survives(
        lambda: containment.record_death(
            ordered.person, died_on=TODAY, by=anna, now=NOW
        )
    )
