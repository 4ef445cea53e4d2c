import datetime as dt

import pytest
from django.urls import reverse

from cases.models import Case, Escalation, Monitoring, Person
from quarano.audit.models import Event
from tests.cases.views.conftest import DAY, NOW, TODAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def typed(disease):
    """What Anna types into the form."""
    return {
        "given_name": "Ida",
        "family_name": "Index",
        "birth_date": "1992-03-02",
        "mobile": "0171 555 01 42",
        "email": "Ida@example.org",
        "street": "Fährgasse 12",
        "postal_code": "70001",
        "city": "Neckarfurt",
        "language": "de",
        "disease": str(disease.pk),
        "classification": "confirmed",
        "onset_kind": "date",
        "onset": "2026-11-21",
        "specimen_date": "2026-11-23",
        "test_kind": "pcr",
        "laboratory_reference": "L-4711",
        "reported_at": "2026-11-24T09:30",
        "found_by": "report",
    }


def post(desk, typed, name="cases:take_up", **changes):
    return desk.post(reverse(name), typed | changes)


def test_a_case_is_taken_up_with_its_isolation_proposed(desk, typed):
    response = post(desk, typed)
    assert response.status_code == 302, response.content.decode()
    person = Person.objects.get()
    assert response["Location"] == f"/people/{person.pk}/"
    assert (person.mobile.as_e164, person.city) == ("+491715550142", "Neckarfurt")
    case = Case.objects.get()
    assert (case.onset, case.onset_kind) == (dt.date(2026, 11, 21), "date")
    assert case.specimen_date == dt.date(2026, 11, 23)
    assert case.reported_at == dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)
    monitoring = Monitoring.objects.get()
    assert monitoring.until == dt.date(2026, 12, 1)
    assert monitoring.orders.proposed().count() == 1
    assert Escalation.objects.filter(reason="first_call").exists()


def test_the_empty_page_asks_and_preselects_nothing_about_health(desk, disease):
    response = desk.get(reverse("cases:take_up"))
    assert response.status_code == 200
    text = response.content.decode()
    assert 'name="onset_kind"' in text
    assert (
        "checked" not in text.split('id="field-onset_kind"')[1].split("</fieldset>")[0]
    )


@pytest.mark.parametrize("kind", ["unknown", "none", "not_asked"])
def test_an_onset_without_a_day_counts_from_the_specimen(desk, typed, kind):
    post(desk, typed, onset_kind=kind, onset="")
    assert Case.objects.get().onset is None
    assert Monitoring.objects.get().until == dt.date(2026, 12, 3)


def test_without_onset_and_specimen_no_end_is_computed(desk, typed):
    post(desk, typed, onset_kind="not_asked", onset="", specimen_date="", test_kind="")
    assert Monitoring.objects.get().until is None
    assert Escalation.objects.filter(reason="details_missing").exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("given_name", "", "required"),
        ("given_name", "Ida7", "letters only"),
        ("birth_date", "2026-11-25", "has not come yet"),
        ("birth_date", "1892-03-02", "too long ago"),
        ("birth_date", "31.02.1992", "a date that exists"),
        ("mobile", "12", "a number that exists"),
        ("mobile", "0621 1234567", "Text messages do not reach"),
        ("phone", "0621", "a number that exists"),
        ("email", "ida.example.org", "an address with an @"),
        ("postal_code", "7001", "five digits"),
        ("onset", "2026-11-25", "has not come yet"),
        ("onset", "", "the day of the first symptom"),
        ("onset", "0202-11-21", "too long ago"),
        ("onset_kind", "", "not asked yet"),
        ("specimen_date", "2026-11-30", "has not come yet"),
        ("reported_at", "2026-11-24T10:30", "has not come yet"),
    ],
)
def test_the_form_says_next_to_the_field_what_is_wrong(desk, typed, field, value, said):
    response = post(desk, typed, **{field: value})
    assert response.status_code == 422
    text = response.content.decode()
    beside = text.split(f'id="field-{field}"')[1].split('id="field-')[0]
    assert said in beside
    assert f'href="#field-{field}"' in text
    assert "Fährgasse 12" in text, "nothing that was typed is lost"
    assert "L-4711" in text
    assert not Person.objects.exists()


def test_a_specimen_before_birth_is_refused(desk, typed):
    response = post(desk, typed, birth_date="2026-11-22", onset="2026-11-23",
                    specimen_date="2026-11-21")  # fmt: skip
    assert "before the birth date" in response.content.decode()
    assert not Case.objects.exists()


def test_a_day_beside_another_kind_of_onset_is_asked_about(desk, typed):
    response = post(desk, typed, onset_kind="none")
    assert response.status_code == 422
    assert "A day is entered below" in response.content.decode()


@pytest.mark.parametrize(
    ("given", "family"),
    [("Zoë Ann", "D’Angelo-Kraus"), ("Nguyễn", "Thị Hoa"), ("ليلى", "حداد")],
)
def test_names_of_every_script_are_taken(desk, typed, given, family):
    post(desk, typed, given_name=given, family_name=family)
    assert Person.objects.get().name == f"{given} {family}"


def test_the_test_says_the_classification_where_nobody_does(desk, typed):
    post(desk, typed, classification="", test_kind="antigen")
    assert Case.objects.get().classification == "probable"


def test_somebody_with_the_same_birth_date_and_name_is_offered(desk, typed, ida):
    response = post(desk, typed, mobile="", email="", given_name="Idda")
    assert response.status_code == 422
    text = response.content.decode()
    assert "Somebody like this is known" in text
    assert f'value="{ida.pk}"' in text
    assert "Fährgasse 12" in text
    assert Person.objects.count() == 1
    assert Event.objects.filter(verb="duplicates.offered").get().shown == [ida.pk]


def test_somebody_with_the_same_mobile_is_offered(desk, typed, ida):
    response = post(desk, typed, given_name="Leyla", birth_date="", email="")
    assert f'value="{ida.pk}"' in response.content.decode()


def test_somebody_else_becomes_a_second_person(desk, typed, ida):
    response = post(desk, typed, given_name="Leyla", same_as="other")
    assert response.status_code == 302
    assert Person.objects.count() == 2
    assert Case.objects.count() == 2


def test_the_same_person_gets_the_case_and_what_was_missing(desk, typed, kolja):
    Person.objects.filter(pk=kolja.pk).update(city="Altstadt")
    response = post(
        desk, typed, given_name="Kolja", family_name="Busch",
        mobile="0151 23456789", same_as=str(kolja.pk),
    )  # fmt: skip
    assert response.status_code == 302
    kolja.refresh_from_db()
    assert Person.objects.count() == 1
    assert kolja.cases.count() == 1
    assert (kolja.street, kolja.city) == ("Fährgasse 12", "Altstadt")
    assert kolja.birth_date == dt.date(1992, 3, 2)
    quarantine = kolja.monitorings.get(kind="quarantine")
    assert quarantine.conclusion == "turned_case"


def test_what_was_typed_replaces_only_where_it_is_ticked(desk, typed, kolja):
    Person.objects.filter(pk=kolja.pk).update(city="Altstadt")
    post(
        desk, typed, given_name="Kolja", family_name="Busch",
        mobile="0151 23456789", same_as=str(kolja.pk), take_over="on",
    )  # fmt: skip
    kolja.refresh_from_db()
    assert kolja.city == "Neckarfurt"
    assert kolja.revisions.exists()


def test_a_second_report_of_an_episode_is_asked_about(desk, typed, ida):
    first = ida.cases.get()
    response = post(desk, typed, same_as=str(ida.pk))
    assert response.status_code == 422
    assert "There is a case already" in response.content.decode()
    post(desk, typed, same_as=str(ida.pk), episode="same")
    assert Case.objects.count() == 1
    first.refresh_from_db()
    assert first.laboratory_reference == "L-4711"


def test_a_second_isolation_is_refused_in_words(desk, typed, ida):
    response = post(desk, typed, same_as=str(ida.pk), episode="new")
    assert response.status_code == 422
    assert "already followed" in response.content.decode()
    assert Case.objects.count() == 1


def test_a_case_of_somebody_known_needs_no_details(desk, typed, kolja):
    page = reverse("cases:take_up_person", args=[kolja.pk])
    assert "For Kolja Busch" in desk.get(page).content.decode()
    keys = (
        "disease",
        "classification",
        "onset_kind",
        "onset",
        "reported_at",
        "found_by",
    )
    response = desk.post(page, {key: typed[key] for key in keys})
    assert response.status_code == 302
    assert kolja.cases.get().onset == dt.date(2026, 11, 21)


def test_a_case_that_is_over_is_recorded_and_nobody_followed(desk, typed):
    response = post(desk, typed, onset="2026-10-21", specimen_date="2026-10-23")
    assert response.status_code == 302
    assert Case.objects.count() == 1
    assert not Monitoring.objects.exists()


def test_a_quarantine_is_opened_by_hand(desk, typed, disease):
    response = post(desk, typed, "cases:open_quarantine", last_exposure="2026-11-22")
    assert response.status_code == 302
    monitoring = Monitoring.objects.get()
    assert (monitoring.kind, monitoring.anchor_kind) == ("quarantine", "last_exposure")
    assert monitoring.until == TODAY - 2 * DAY + 10 * DAY


def test_a_quarantine_that_would_be_over_is_refused(desk, typed):
    response = post(desk, typed, "cases:open_quarantine", last_exposure="2026-10-22")
    assert response.status_code == 422
    assert "in the past" in response.content.decode()
    assert not Person.objects.exists(), "nothing half done"


def test_a_household_contact_is_kept_longer(desk, typed):
    post(desk, typed, "cases:open_quarantine", last_exposure="2026-11-22",
         household="on")  # fmt: skip
    monitoring = Monitoring.objects.get()
    assert monitoring.until == TODAY - 2 * DAY + 14 * DAY


def test_a_protected_person_is_not_shown_but_announced(desk, typed, ida, oemer):
    Person.objects.filter(pk=ida.pk).update(protected=True)
    ida.circle.create(user=oemer)
    response = post(desk, typed)
    text = response.content.decode()
    assert response.status_code == 422
    assert str(ida.pk) not in text
    assert "Ask first: Ömer" in text


def test_only_case_workers_take_up(roles, now, disease):
    from tests.cases.views.conftest import official, sign_in

    browser = sign_in(official("Erik", "epidemiologist"))
    assert browser.get(reverse("cases:take_up")).status_code == 403
    assert now == NOW


def test_what_was_refused_takes_the_focus_and_says_when_a_field_is_needed(desk, typed):
    page = post(desk, typed, test_kind="", classification="").content.decode()
    notice = page[page.index("notice--urgent") :]
    assert "autofocus" in notice[: notice.index(">")]
    assert page.count("autofocus") == 1
    for when in ("needed without a kind of test", "needed without a classification"):
        assert when in page


def test_whom_one_may_mean_takes_the_focus_and_shows_the_number_as_dialled(desk, typed):
    post(desk, typed)
    page = post(desk, typed).content.decode()
    known = page[page.index('id="known"') :]
    assert "autofocus" in known[: known.index(">")]
    assert "0171\N{NO-BREAK SPACE}5550142" in known
