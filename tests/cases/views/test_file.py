import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from cases import calls, escalation, intake
from cases.models import Comment, Escalation, Person
from quarano.audit.models import Event
from tests.cases.views.conftest import NOW, TODAY, as_sent, isolation, sign_in

pytestmark = pytest.mark.django_db
REGIONS = (
    "header",
    "escalations",
    "orders",
    "details",
    "enrolment",
    "calls",
    "comments",
    "history",
)


def url(name, subject):
    return reverse(f"cases:{name}", args=[subject.pk])


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_a_page_and_a_fragment(desk, ida, region):
    page = desk.get(url(region, ida)).content.decode()
    assert "<html" in page
    assert "Ida Index" in page
    htmx = {"HX-Request": "true", "HX-Target": region}
    fragment = desk.get(url(region, ida), headers=htmx).content.decode()
    assert "<html" not in fragment
    assert f'id="{region}"' in fragment
    assert 'hx-trigger="person-changed from:body"' in fragment


def test_reading_regions_one_after_the_other_is_one_event(desk, ida):
    for region in REGIONS:
        desk.get(url(region, ida), headers={"HX-Request": "true", "HX-Target": region})
    event = Event.objects.get(verb="file.opened")
    assert event.person == ida.pk
    with time_machine.travel(NOW + dt.timedelta(minutes=16), tick=False):
        desk.get(url("details", ida))
    assert Event.objects.filter(verb="file.opened").count() == 2


def test_the_header_says_who_which_day_until_when_and_how_to_reach(desk, ida):
    text = desk.get(url("header", ida)).content.decode()
    assert "34, born" in text
    assert "Index case in isolation" in text
    assert "Day 3 of 10" in text
    assert "Tue 1 Dec, end of day" in text
    assert 'href="tel:+491715550142"' in text
    assert "Call 0171\u00a05550142" in text


def test_without_a_number_the_header_says_letter_or_visit(desk, ida):
    Person.objects.filter(pk=ida.pk).update(mobile="", phone="")
    assert "letter or visit" in desk.get(url("header", ida)).content.decode()


def fever(person, **facts):
    return escalation.raise_(
        isolation(person),
        Escalation.Reason.FEVER,
        occasion="1",
        facts={"temperature": 39.6, "limit": 39.4} | facts,
        now=NOW,
    )


def test_an_escalation_is_settled_with_an_outcome_and_undone(desk, ida, anna):
    raised = fever(ida)
    text = desk.get(url("escalations", ida)).content.decode()
    assert "Fever" in text
    assert "39.6" in text
    assert desk.get(url("settle", raised)).status_code == 200
    response = desk.post(url("settle", raised), {"outcome": ""})
    assert response.status_code == 422
    assert "Choose what came of it." in response.content.decode()
    answer = {"outcome": "doctor", "word": "doctor comes at noon"}
    assert desk.post(url("settle", raised), answer).status_code == 302
    raised.refresh_from_db()
    assert (raised.settled_by, raised.outcome) == (anna, "doctor")
    assert "doctor comes at noon" in desk.get(url("escalations", ida)).content.decode()
    again = desk.post(url("settle", raised), answer)
    assert "settled this meanwhile" in again.content.decode()
    assert desk.post(url("undo", raised)).status_code == 302
    raised.refresh_from_db()
    assert raised.settled_at is None


def test_different_people_is_an_outcome_of_duplicates_only(desk, ida):
    response = desk.post(url("settle", fever(ida)), {"outcome": "different"})
    assert response.status_code == 422


def test_an_escalation_rests_until_a_moment_and_is_woken(desk, ida):
    raised = fever(ida)
    assert desk.get(url("snooze", raised)).status_code == 200
    past = desk.post(url("snooze", raised), {"until": "2026-11-24T09:00"})
    assert "passed already" in past.content.decode()
    desk.post(url("snooze", raised), {"until": "2026-11-24T14:00"})
    raised.refresh_from_db()
    assert raised.snoozed_until == dt.datetime(2026, 11, 24, 13, tzinfo=dt.UTC)
    assert "Wake" in desk.get(url("escalations", ida)).content.decode()
    desk.post(url("wake", raised))
    raised.refresh_from_db()
    assert raised.snoozed_until is None


def test_what_is_open_already_is_not_opened_again(desk, ida):
    response = desk.post(url("undo", fever(ida)))
    assert response.status_code == 422
    assert "open already" in response.content.decode()


def test_an_escalation_is_claimed(desk, ida, anna):
    raised = fever(ida)
    desk.post(url("claim", raised))
    raised.refresh_from_db()
    assert raised.assigned_to == anna


def test_a_possible_duplicate_leads_to_the_other_file(desk, ida, kolja):
    escalation.raise_(
        kolja,
        Escalation.Reason.POSSIBLE_DUPLICATE,
        occasion=str(ida.pk),
        facts={"same": ["mobile"]},
        now=NOW,
    )
    text = desk.get(url("escalations", kolja)).content.decode()
    assert f'href="/people/{ida.pk}/"' in text


def test_a_call_that_reached_the_person_answers_the_first_call(desk, ida):
    assert desk.get(url("record_call", ida)).status_code == 200
    wrong = desk.post(url("record_call", ida), {"note": "spoke to her"})
    assert wrong.status_code == 422
    assert "spoke to her" in wrong.content.decode()
    answer = {"outcome": "reached", "number": "+491715550142", "note": "spoke to her"}
    assert desk.post(url("record_call", ida), answer).status_code == 302
    text = desk.get(url("calls", ida)).content.decode()
    assert "spoke to her" in text
    assert "First call open" not in desk.get(url("escalations", ida)).content.decode()


def test_a_comment_is_written_and_never_markup(desk, ida, anna):
    assert desk.post(url("write_comment", ida), {"text": "  "}).status_code == 422
    desk.post(url("write_comment", ida), {"text": "<b>dog</b> barks"})
    assert Comment.objects.get().written_by == anna
    text = desk.get(url("comments", ida)).content.decode()
    assert "&lt;b&gt;dog&lt;/b&gt; barks" in text


def test_details_are_changed_with_only_what_was_touched(desk, ida):
    form = desk.get(url("edit_details", ida)).context["step"].form
    answer = as_sent(form) | {"city": "Neckarfurt", "lives_alone": "on"}
    assert desk.post(url("edit_details", ida), answer).status_code == 302
    ida.refresh_from_db()
    assert (ida.city, ida.lives_alone) == ("Neckarfurt", True)
    event = Event.objects.filter(verb="person.changed").get()
    assert sorted(event.fields) == ["city", "lives_alone"]


def test_details_refuse_shapes_and_keep_what_was_typed(desk, ida):
    form = desk.get(url("edit_details", ida)).context["step"].form
    answer = as_sent(form) | {"city": "Neckarfurt", "postal_code": "7"}
    response = desk.post(url("edit_details", ida), answer)
    assert response.status_code == 422
    assert "five digits" in response.content.decode()
    assert "Neckarfurt" in response.content.decode()


@pytest.mark.bar(46)
def test_a_second_official_sees_both_versions_and_loses_nothing(desk, ida, oemer):
    form = desk.get(url("edit_details", ida)).context["step"].form
    mine = as_sent(form) | {"city": "Neckarfurt", "street": "Fährgasse 12"}
    theirs = {"city": "Altstadt", "mobile": "+4915123456789"}
    intake.change_details(ida, theirs, by=oemer, now=NOW)
    response = desk.post(url("edit_details", ida), mine)
    text = response.content.decode()
    assert response.status_code == 409
    assert "Somebody else changed this meanwhile" in text
    row = text.split('<th scope="row">Town</th>')[1].split("</tr>")[0]
    assert "Altstadt" in row
    assert "Neckarfurt" in row
    again = response.context["step"].form
    assert again["mobile"].value() == "+49 1512 3456789", "theirs is not undone"
    assert again["city"].value() == "Neckarfurt"
    sent = {key: value for key, value in again.data.items() if value is not None}
    assert desk.post(url("edit_details", ida), sent).status_code == 302
    ida.refresh_from_db()
    assert (ida.city, ida.street) == ("Neckarfurt", "Fährgasse 12")
    assert ida.mobile.as_e164 == "+4915123456789"


@pytest.mark.bar(46)
def test_a_case_is_not_overwritten_either(desk, ida, oemer):
    case = ida.cases.get()
    form = desk.get(url("edit_case", case)).context["step"].form
    mine = as_sent(form) | {"specimen_date": "2026-11-22"}
    intake.revise_case(case, {"specimen_date": TODAY}, by=oemer, now=NOW)
    response = desk.post(url("edit_case", case), mine)
    assert response.status_code == 409
    assert "First positive specimen" in response.content.decode()


def test_a_person_is_invited_by_mail(desk, ida):
    from quarano.notifications.models import Message

    text = desk.get(url("enrolment", ida)).content.decode()
    assert "Not invited yet." in text
    page = desk.get(url("invite", ida)).content.decode()
    assert "by e-mail" in page
    assert desk.post(url("invite", ida), {"channel": "mail"}).status_code == 302
    assert Message.objects.get(about=ida.pk).channel == "mail"
    assert "Invite again" in desk.get(url("enrolment", ida)).content.decode()


def test_a_code_to_be_read_out_is_shown_once(desk, ida):
    response = desk.post(url("invite", ida), {"channel": "none"})
    assert response.status_code == 200
    assert "Read this code out" in response.content.decode()
    code = response.context["code"]
    assert len(code.replace("-", "")) == 17
    assert code not in desk.get(url("enrolment", ida)).content.decode()
    htmx = {"HX-Request": "true", "HX-Target": "enrolment"}
    fragment = desk.post(url("invite", ida), {"channel": "none"}, headers=htmx)
    assert "<html" not in fragment.content.decode()
    assert "person-changed from:body" not in fragment.content.decode()
    assert "person-changed" in fragment["HX-Trigger-After-Swap"]


def test_a_way_without_an_address_is_not_offered(desk, kolja):
    page = desk.get(url("invite", kolja)).content.decode()
    assert "by e-mail" not in page
    assert desk.post(url("invite", kolja), {"channel": "mail"}).status_code == 422


def test_somebody_is_kept_by_phone(desk, ida):
    assert desk.get(url("by_phone", ida)).status_code == 200
    desk.post(url("by_phone", ida))
    assert "we enter everything" in desk.get(url("enrolment", ida)).content.decode()


def test_a_person_without_monitoring_is_not_invited(desk, ida, anna):
    isolation(ida).delete()
    response = desk.post(url("invite", ida), {"channel": "mail"})
    assert response.status_code == 422
    assert "not followed" in response.content.decode()


def test_the_file_is_one_page_with_few_queries(
    desk, ida, anna, django_assert_max_num_queries
):
    fever(ida)
    calls.record_call(ida, outcome="busy", by=anna, now=NOW)
    desk.get(ida.get_absolute_url())
    with django_assert_max_num_queries(28) as counted:
        response = desk.get(ida.get_absolute_url())
    assert response.status_code == 200
    assert len(counted) > 6
    text = response.content.decode()
    for region in REGIONS:
        assert f'id="{region}"' in text
    assert Event.objects.filter(verb="file.opened", person=ida.pk).count() == 2


def test_a_file_of_another_authority_is_not_found(ida, other_authority, now):
    from django.db import connection
    from django.test import Client
    from django_tenants.utils import tenant_context

    from quarano.accounts.models import Role, User
    from tests.cases.views.conftest import WORKER

    with tenant_context(other_authority):
        Role.objects.update_or_create(
            code="case_worker", defaults={"name": "x", "permissions": WORKER}
        )
        nora = User.objects.create_user(
            email="nora@spreetal.example", name="Nora", roles=["case_worker"],
            created_at=NOW,
        )  # fmt: skip
        browser = sign_in(nora, host="spreetal.localhost")
    for region in REGIONS:
        assert browser.get(url(region, ida)).status_code == 404
    assert browser.get(ida.get_absolute_url()).status_code == 404
    connection.set_schema_to_public()
    assert isinstance(browser, Client)
