import datetime as dt

import pytest
from django.urls import reverse

from cases import containment
from cases.models import Case, Escalation, Order, Person, Service
from tests.cases.views.conftest import (
    DAY,
    NOW,
    TODAY,
    as_sent,
    isolation,
    sign_in,
    taken_up,
)

pytestmark = pytest.mark.django_db


def url(name, subject):
    return reverse(f"cases:{name}", args=[subject.pk])


@pytest.fixture
def ordered(ida, anna):
    """Ida's isolation, ordered until 1 December."""
    monitoring = isolation(ida)
    containment.issue(monitoring, by=anna, now=NOW)
    monitoring.refresh_from_db()
    return monitoring


def test_the_region_shows_from_until_and_why(desk, ida):
    text = desk.get(url("orders", ida)).content.decode()
    assert "Isolation Tue 24 Nov to Tue 1 Dec" in text
    assert "Why Tuesday, 1 December" in text
    assert "Symptom onset (day 0)" in text
    assert "+ 10 days" in text
    assert "Tue 1 Dec, 24:00" in text
    assert "proposed, not ordered" in text
    assert url("issue", isolation(ida)) in text


def test_an_official_issues_what_is_proposed(desk, ida, anna):
    monitoring = isolation(ida)
    page = desk.get(url("issue", monitoring))
    assert page.status_code == 200
    seen = page.context["step"].form["seen"].value()
    response = desk.post(url("issue", monitoring), {"seen": seen, "reasons": ""})
    assert response.status_code == 302
    assert response["Location"] == ida.get_absolute_url()
    order = monitoring.orders.get()
    assert (order.issued_by, order.until) == (anna, dt.date(2026, 12, 1))


def test_an_end_that_nobody_saw_is_not_issued(desk, ida):
    monitoring = isolation(ida)
    response = desk.post(url("issue", monitoring), {"seen": "2026-11-30"})
    assert response.status_code == 422
    assert "has changed meanwhile" in response.content.decode()
    assert not monitoring.orders.issued().exists()
    again = response.context["step"].form["seen"].value()
    assert desk.post(url("issue", monitoring), {"seen": again}).status_code == 302


def test_without_a_computed_end_a_physician_names_one(desk, disease, anna, paula):
    case = taken_up(disease, anna, onset_kind="not_asked", onset=None,
                    specimen_date=None)  # fmt: skip
    monitoring = isolation(case.person)
    answer = {"seen": "None", "until": "2026-12-04", "reasons": "no onset known"}
    response = desk.post(url("issue", monitoring), answer)
    assert response.status_code == 422
    assert "Only a physician" in response.content.decode()
    assert sign_in(paula).post(url("issue", monitoring), answer).status_code == 302
    assert monitoring.orders.get().until == dt.date(2026, 12, 4)


def test_an_order_is_extended_with_reasons(desk, ordered):
    assert desk.get(url("extend", ordered)).status_code == 200
    response = desk.post(url("extend", ordered), {"until": "2026-12-05"})
    assert response.status_code == 422
    assert "Say why" in response.content.decode()
    answer = {"until": "2026-12-05", "reasons": "still coughing"}
    assert desk.post(url("extend", ordered), answer).status_code == 302
    ordered.refresh_from_db()
    assert ordered.until == dt.date(2026, 12, 5)


def test_an_extension_to_an_earlier_day_is_refused_at_the_field(desk, ordered):
    answer = {"until": "2026-11-29", "reasons": "x"}
    response = desk.post(url("extend", ordered), answer)
    assert response.status_code == 422
    assert "no later than the end so far" in response.content.decode()


def test_an_order_is_shortened(desk, ordered):
    answer = {"until": "2026-11-28", "reasons": "onset was earlier"}
    assert desk.post(url("shorten", ordered), answer).status_code == 302
    ordered.refresh_from_db()
    assert ordered.until == dt.date(2026, 11, 28)
    assert "Shortened to" in desk.get(url("orders", ordered.person)).content.decode()


def test_an_order_is_lifted_and_then_the_monitoring_concluded(desk, ordered):
    desk.post(url("lift", ordered), {"reasons": "laboratory's mistake"})
    text = desk.get(url("orders", ordered.person)).content.decode()
    assert "lifted" in text
    assert "Order again" in text
    response = desk.post(url("conclude", ordered), {"conclusion": "released"})
    assert response.status_code == 302
    ordered.refresh_from_db()
    assert ordered.conclusion == "released"


def test_a_running_order_is_not_concluded_as_released(desk, ordered):
    response = desk.post(url("conclude", ordered), {"conclusion": "released"})
    assert response.status_code == 422
    assert "still runs" in response.content.decode()


@pytest.mark.parametrize(
    "conclusion", ["lapsed", "deceased", "transferred", "nonsense"]
)
def test_conclusions_with_a_way_of_their_own_are_not_chosen(desk, ordered, conclusion):
    response = desk.post(url("conclude", ordered), {"conclusion": conclusion})
    assert response.status_code == 422


def test_a_service_is_recorded(desk, ordered, anna):
    order = ordered.orders.issued().get()
    text = desk.get(url("orders", ordered.person)).content.decode()
    assert "not served yet" in text
    answer = {"way": "oral", "effective_on": "2026-11-24"}
    assert desk.post(url("serve", order), answer).status_code == 302
    assert Service.objects.get().served_by == anna
    assert (
        "served by word of mouth"
        in desk.get(url("orders", ordered.person)).content.decode()
    )


def test_a_service_before_today_is_refused(desk, ordered):
    order = ordered.orders.issued().get()
    answer = {"way": "oral", "effective_on": "2026-11-20"}
    assert desk.post(url("serve", order), answer).status_code == 422


def test_a_proposal_is_not_served(desk, ida):
    order = isolation(ida).orders.get()
    assert desk.get(url("serve", order)).status_code == 404


def test_only_a_supervisor_reopens(desk, ordered, oemer):
    desk.post(url("conclude", ordered), {"conclusion": "moved"})
    assert "Reopen" not in desk.get(url("orders", ordered.person)).content.decode()
    assert desk.post(url("reopen", ordered)).status_code == 403
    supervisor = sign_in(oemer)
    assert "Reopen" in supervisor.get(url("orders", ordered.person)).content.decode()
    assert supervisor.get(url("reopen", ordered)).status_code == 200
    assert supervisor.post(url("reopen", ordered)).status_code == 302
    ordered.refresh_from_db()
    assert ordered.is_open


def test_what_lapsed_undecided_is_never_shown_as_ordered(ordered, anna):
    import time_machine

    with time_machine.travel(NOW + 8 * DAY, tick=False):
        text = sign_in(anna).get(url("orders", ordered.person)).content.decode()
        assert "Order lapsed, undecided" in text
        assert "> ordered<" not in text
        header = sign_in(anna).get(url("header", ordered.person)).content.decode()
        assert "Order lapsed Tue 1 Dec, undecided" in header


def test_a_death_ends_everything(desk, ordered, ida):
    page = desk.get(url("record_death", ida)).content.decode()
    assert "stops every message" in page
    response = desk.post(url("record_death", ida), {"died_on": "2026-11-25"})
    assert response.status_code == 422
    assert (
        desk.post(url("record_death", ida), {"died_on": "2026-11-23"}).status_code
        == 302
    )
    ida.refresh_from_db()
    ordered.refresh_from_db()
    assert (ida.died_on, ordered.conclusion) == (dt.date(2026, 11, 23), "deceased")
    header = desk.get(url("header", ida)).content.decode()
    assert "Died on" in header
    assert "tel:" not in header


def test_a_hospital_takes_the_computed_end_away(desk, ida):
    case = ida.cases.get()
    form = desk.get(url("hospital", case)).context["step"].form
    answer = as_sent(form) | {"in_hospital_since": "2026-11-23"}
    assert desk.post(url("hospital", case), answer).status_code == 302
    assert isolation(ida).until is None
    text = desk.get(url("orders", ida)).content.decode()
    assert "Why no end is computed" in text


def test_a_stay_that_ends_before_it_begins_is_refused(desk, ida):
    case = ida.cases.get()
    answer = {
        "in_hospital_since": "2026-11-23",
        "in_hospital_until": "2026-11-20",
        "version": "1",
    }
    response = desk.post(url("hospital", case), answer)
    assert response.status_code == 422
    assert "before the first day in hospital" in response.content.decode()


def test_a_stay_is_not_overwritten_unseen(desk, ida, oemer):
    case = ida.cases.get()
    form = desk.get(url("hospital", case)).context["step"].form
    answer = as_sent(form) | {"in_hospital_since": "2026-11-22"}
    containment.set_hospital(case, TODAY, None, by=oemer, now=NOW)
    response = desk.post(url("hospital", case), answer)
    assert response.status_code == 409
    assert "24 November 2026" in response.content.decode()
    again = response.context["step"].form.data
    assert desk.post(url("hospital", case), again.dict()).status_code == 302
    case.refresh_from_db()
    assert case.in_hospital_since == dt.date(2026, 11, 22)


def test_a_revised_onset_proposes_beside_the_order(desk, ordered, ida):
    case = ida.cases.get()
    page = desk.get(url("edit_case", case))
    form = page.context["step"].form
    answer = as_sent(form) | {"onset": "2026-11-23"}
    assert desk.post(url("edit_case", case), answer).status_code == 302
    text = desk.get(url("orders", ida)).content.decode()
    assert "Proposed: extends to Thu 3 Dec" in text
    assert "Issue the change" in text
    assert Order.objects.issued().count() == 1


@pytest.mark.parametrize(
    "name", ["issue", "extend", "shorten", "lift", "conclude", "reopen"]
)
def test_without_the_right_no_step_is_taken(name, ida, now):
    from tests.cases.views.conftest import official

    browser = sign_in(official("Erik", "epidemiologist"))
    assert browser.post(url(name, isolation(ida))).status_code == 403


def test_steps_on_a_protected_person_of_others_are_not_found(desk, ordered, ida):
    Person.objects.filter(pk=ida.pk).update(protected=True)
    case = Case.objects.get()
    escalation = Escalation.objects.first()
    order = ordered.orders.issued().get()
    for name, subject in (
        ("orders", ida), ("edit_details", ida), ("edit_case", case),
        ("extend", ordered), ("serve", order), ("settle", escalation),
        ("record_call", ida), ("invite", ida), ("take_up_person", ida),
    ):  # fmt: skip
        assert desk.get(url(name, subject)).status_code == 404, name


def test_htmx_gets_the_region_and_a_trigger(desk, ordered, ida):
    htmx = {"HX-Request": "true", "HX-Target": "orders"}
    page = desk.get(url("extend", ordered), headers=htmx).content.decode()
    assert page.lstrip().startswith("<section")
    assert "<html" not in page
    wrong = desk.post(url("extend", ordered), {"until": ""}, headers=htmx)
    assert wrong.status_code == 422
    assert "<html" not in wrong.content.decode()
    answer = {"until": "2026-12-05", "reasons": "still coughing"}
    response = desk.post(url("extend", ordered), answer, headers=htmx)
    assert response.status_code == 204
    assert "person-changed" in response["HX-Trigger"]
    assert "Extended." in response["HX-Trigger"]
    assert isolation(ida).until > TODAY
