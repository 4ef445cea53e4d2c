import gzip
import re
from html.parser import HTMLParser

import pytest
import time_machine
from django.conf import settings
from django.urls import reverse

from cases import containment
from cases.models import Monitoring, Person, Reporter, Service
from diaries.models import Entry, Symptom
from diaries.slots import Slot
from quarano.accounts.models import User
from quarano.audit.models import Event
from tests.diaries.conftest import (
    DAY,
    ENDS,
    MONDAY,
    OPENED,
    TUESDAY,
    at,
    contact,
    monitoring_of,
    official,
    ordered,
    raised,
    reasons,
    sign_in,
    write,
)

pytestmark = pytest.mark.django_db
MORNING = Slot(TUESDAY, "morning")


@pytest.fixture
def phone(kolja, this_morning):
    """Kolja's browser on Tuesday at 7:48."""
    return sign_in(kolja.user)


def page(name, *args):
    return reverse(f"diaries:{name}", args=args, urlconf="quarano.urls")


def typed(**fields):
    return {"temperature": "36.6"} | fields


def post(phone, person, slot=MORNING, **fields):
    return phone.post(page("entry", person.pk, slot), typed(**fields))


class Checked(HTMLParser):
    """The boxes and radio buttons that are checked beforehand."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "input" and "checked" in attributes:
            self.found.append(attributes.get("name"))


def checked(response):
    parser = Checked()
    parser.feed(response.content.decode())
    return parser.found


# --- Today ---------------------------------------------------------------------------


def test_home_leads_to_the_one_diary(phone, kolja):
    assert phone.get(page("home")).url == page("today", kolja.pk)


def test_home_lets_a_representative_choose(phone, kolja, disease, anna):
    child = contact(disease, anna, "Deniz", mobile="")
    Reporter.objects.create(
        user=kolja.user,
        person=child,
        kind="custody",
        since=MONDAY,
        appointed_at=OPENED,
        appointed_by=anna,
    )
    text = phone.get(page("home")).content.decode()
    assert page("today", child.pk) in text
    assert page("today", kolja.pk) in text


def test_home_of_a_login_without_a_diary_offers_to_enter_a_code(authority):
    user = User.objects.create_user(
        email="nobody@mail.example", name="N", created_at=OPENED
    )
    with time_machine.travel(at(TUESDAY, 8), tick=False):
        response = sign_in(user).get(page("home"))
    assert reverse("enrolment:landing", urlconf="quarano.urls") in (
        response.content.decode()
    )


def test_today_is_the_form_of_the_running_slot(phone, kolja):
    response = phone.get(page("today", kolja.pk))
    text = response.content.decode()
    assert response.status_code == 200
    assert "This morning" in text
    assert page("entry", kolja.pk, MORNING) in text
    assert 'href="tel:112"' in text
    assert 'href="tel:116117"' in text


def test_nothing_about_health_is_preselected(phone, kolja):
    write(kolja, MONDAY, "evening", symptoms={"earache": 2})
    response = phone.get(page("today", kolja.pk))
    assert checked(response) == []
    # What somebody had last time comes first, and is off.
    text = response.content.decode()
    assert text.index('value="earache"') < text.index('value="cough"')


def test_emergency_signs_carry_the_hook_for_the_box(phone, kolja):
    text = phone.get(page("today", kolja.pk)).content.decode()
    emergency = Symptom.objects.filter(emergency=True).count()
    assert text.count("data-emergency>") == emergency
    assert "data-emergency-box hidden" in text.replace('role="alert" ', "")


def test_an_entry_is_sent_and_thanked_for(phone, kolja):
    response = post(
        phone, kolja, temperature="36,8", symptom=["cough"],
        **{"severity-cough": "2"}, note="since last night",
    )  # fmt: skip
    assert response.url == page("sent", kolja.pk, MORNING)
    entry = Entry.objects.get(person=kolja)
    assert (str(entry.temperature), entry.symptoms) == ("36.8", {"cough": 2})
    assert (entry.note, entry.via) == ("since last night", "self")
    assert "Thank you, sent" in phone.get(response.url).content.decode()


def test_a_double_send_is_one_entry(phone, kolja):
    first, second = post(phone, kolja), post(phone, kolja)
    assert first.url == second.url
    assert Entry.objects.filter(person=kolja).count() == 1


def test_an_emergency_sign_is_answered_at_once_with_112(phone, kolja):
    response = post(
        phone, kolja, symptom=["chest_pain"], **{"severity-chest_pain": "1"}
    )
    text = phone.get(response.url).content.decode()
    assert "Call 112 now" in text
    assert raised(kolja, "emergency")


def test_an_invalid_form_with_an_emergency_sign_shows_112_already(phone, kolja):
    response = post(phone, kolja, temperature="", symptom=["chest_pain"])
    assert response.status_code == 422
    text = response.content.decode()
    assert "data-emergency-box" in text
    assert "data-emergency-box hidden" not in text


def test_a_good_entry_promises_no_call(phone, kolja):
    text = phone.get(post(phone, kolja).url).content.decode()
    assert "Call 112 now" not in text
    assert "calls you" not in text


def test_an_entry_that_raised_something_says_that_somebody_was_told(phone, kolja):
    text = phone.get(post(phone, kolja, temperature="38.9").url).content.decode()
    assert "has been told" in text
    assert "today" not in text.split("has been told")[1].split("</section>")[0]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"temperature": ""}, "no thermometer"),
        ({"temperature": "warm"}, "Enter degrees"),
        ({"temperature": "29.9"}, "between 30.0 and 45.0"),
        ({"temperature": "45.1"}, "between 30.0 and 45.0"),
        ({"temperature": "34.9"}, "Is that right?"),
        ({"temperature": "43.1"}, "Is that right?"),
        ({"no_thermometer": "on"}, "or say that you have no thermometer"),
        ({"symptom": ["cough"]}, "Choose how bad it is"),
        ({"oxygen": "101"}, "100"),
    ],
)
def test_what_cannot_be_right_comes_back_with_what_to_do(
    phone, kolja, fields, complaint
):
    response = post(phone, kolja, note="kept as typed", **fields)
    assert response.status_code == 422
    text = response.content.decode()
    assert complaint in text
    assert "kept as typed" in text
    assert not Entry.objects.exists()


def test_an_unusual_temperature_is_taken_when_confirmed(phone, kolja):
    assert post(phone, kolja, temperature="34.0", confirmed="on").status_code == 302
    assert str(Entry.objects.get().temperature) == "34.0"


def test_without_a_thermometer_there_is_no_temperature(phone, kolja):
    post(phone, kolja, temperature="", no_thermometer="on", fever_medicine="on")
    entry = Entry.objects.get()
    assert entry.temperature is None
    assert entry.fever_medicine


def test_after_sending_it_can_be_changed_with_what_stands_there(phone, kolja):
    post(phone, kolja, temperature="38.9")
    form = phone.get(page("entry", kolja.pk, MORNING)).content.decode()
    assert 'value="38.9"' in form
    assert 'name="version" value="1"' in form
    post(phone, kolja, temperature="36.9", version="1")
    assert str(Entry.objects.get().temperature) == "36.9"
    assert raised(kolja, "fever").withdrawn_at is not None


def test_a_change_against_an_older_version_comes_back(phone, kolja):
    post(phone, kolja, temperature="38.9")
    post(phone, kolja, temperature="38.8", version="1")
    response = post(phone, kolja, temperature="38.7", version="1")
    assert response.status_code == 422
    assert str(Entry.objects.get().temperature) == "38.8"
    # Both are shown; sending again replaces, knowingly.
    text = response.content.decode()
    assert "38.8\N{NO-BREAK SPACE}°C" in text
    assert 'value="38.7"' in text
    assert 'name="version" value="2"' in text


def test_a_form_filled_on_two_phones_loses_nothing(phone, kolja):
    post(phone, kolja, temperature="38.9", symptom=["cough"], **{"severity-cough": "2"})
    response = post(phone, kolja, temperature="36.6")
    assert response.status_code == 422
    text = response.content.decode()
    assert "Cough (moderate)" in text
    assert 'value="36.6"' in text
    assert post(phone, kolja, temperature="36.6", version="1").status_code == 302
    assert str(Entry.objects.get().temperature) == "36.6"


def test_a_past_slot_that_is_open_can_still_be_entered(phone, kolja):
    evening = Slot(MONDAY, "evening")
    assert page("entry", kolja.pk, evening) in (
        phone.get(page("days", kolja.pk)).content.decode()
    )
    post(phone, kolja, evening)
    assert Entry.objects.get().half == "evening"


def test_a_slot_to_come_is_refused(phone, kolja):
    response = post(phone, kolja, Slot(TUESDAY, "evening"))
    assert response.status_code == 422
    assert "has not begun yet" in response.content.decode()


def test_days_show_entered_open_missed_and_to_come(kolja, authority):
    write(kolja, MONDAY, "evening", "36.7")
    with time_machine.travel(at(TUESDAY, 17, 5), tick=False):
        text = sign_in(kolja.user).get(page("days", kolja.pk)).content.decode()
    for word in ("missed", "opens", "36.7", page("entry", kolja.pk, MORNING)):
        assert word in text


# --- Whose diary ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["today", "days", "dates", "help"])
def test_another_persons_pages_do_not_exist(phone, disease, anna, name):
    other = contact(disease, anna, "Lena", mobile="")
    assert phone.get(page(name, other.pk)).status_code == 404


def test_another_persons_diary_cannot_be_written(phone, disease, anna):
    other = contact(disease, anna, "Lena", mobile="")
    assert post(phone, other).status_code == 404
    assert not Entry.objects.exists()


def test_a_representative_writes_as_such(phone, kolja, disease, anna):
    child = contact(disease, anna, "Deniz", mobile="")
    Reporter.objects.create(
        user=kolja.user,
        person=child,
        kind="custody",
        since=MONDAY,
        appointed_at=OPENED,
        appointed_by=anna,
    )
    post(phone, child)
    assert Entry.objects.get(person=child).via == "representative"


# --- My dates, help, the end ---------------------------------------------------------


def test_my_dates_say_until_when_and_why(phone, kolja, anna):
    ordered(kolja, anna)
    text = phone.get(page("dates", kolja.pk)).content.decode()
    assert "Wednesday, 25 November" in text
    assert "Why this day?" in text
    assert "10 days" in text


def test_while_a_symptom_is_open_it_says_at_the_earliest(phone, kolja, anna):
    ordered(kolja, anna)
    write(kolja, MONDAY, "evening", symptoms={"cough": 1})
    assert "at the earliest" in phone.get(page("dates", kolja.pk)).content.decode()


def test_an_unread_order_is_served_when_it_is_read_and_once(phone, kolja, anna):
    order = ordered(kolja, anna)
    for _ in range(2):
        phone.post(page("read_order", kolja.pk), {"order": str(order.pk)})
    service = Service.objects.get(order=order)
    assert (service.way, service.effective_on) == ("portal", TUESDAY)


def test_somebody_elses_order_cannot_be_read(phone, kolja, disease, anna):
    other = contact(disease, anna, "Lena", mobile="")
    order = ordered(other, anna)
    response = phone.post(page("read_order", kolja.pk), {"order": str(order.pk)})
    assert response.status_code == 404
    assert not Service.objects.exists()


def test_help_has_the_numbers(phone, kolja, authority):
    text = phone.get(page("help", kolja.pk)).content.decode()
    assert 'href="tel:112"' in text
    assert 'href="tel:116117"' in text
    assert "nobody looks" in text


def test_after_the_end_the_diary_is_closed_and_the_page_readable(kolja, anna):
    containment.conclude(
        monitoring_of(kolja), conclusion="erroneous", by=anna, now=at(TUESDAY, 9)
    )
    with time_machine.travel(at(TUESDAY, 10), tick=False):
        phone = sign_in(kolja.user)
        assert phone.get(page("today", kolja.pk)).url == page("dates", kolja.pk)
        assert "is over" in phone.get(page("dates", kolja.pk)).content.decode()
        assert post(phone, kolja).url == page("dates", kolja.pk)
    assert not Entry.objects.exists()
    with time_machine.travel(at(TUESDAY + 93 * DAY, 10), tick=False):
        text = sign_in(kolja.user).get(page("dates", kolja.pk)).content.decode()
    assert "is over" not in text


# --- Officials -----------------------------------------------------------------------


@pytest.fixture
def desk(anna, this_morning):
    return sign_in(anna)


def test_an_official_records_by_phone(desk, kolja, anna):
    response = desk.post(
        page("record", kolja.pk),
        typed(slot=MORNING.key, temperature="38.4"),
    )
    assert response.status_code == 302
    entry = Entry.objects.get()
    assert (entry.via, entry.reported_by) == ("official", anna)
    assert reasons(kolja) == ["fever"]


def test_an_official_may_record_a_missed_slot(kolja, anna):
    with time_machine.travel(at(TUESDAY + 3 * DAY, 10), tick=False):
        sign_in(anna).post(page("record", kolja.pk), typed(slot=MORNING.key))
    assert Entry.objects.get().half == "morning"


def test_an_entry_for_a_slot_that_is_none_lands_in_no_other(desk, kolja):
    for slot in (f"{TUESDAY}-evening", "2026-01-01-morning", "nonsense"):
        response = desk.post(page("record", kolja.pk), typed(slot=slot))
        assert response.status_code == 404
    assert not Entry.objects.exists()


def test_the_record_page_keeps_what_was_typed(desk, kolja):
    text = desk.get(page("record", kolja.pk)).content.decode()
    assert f'value="{MORNING.key}"' in text
    assert "checked" not in text
    response = desk.post(
        page("record", kolja.pk),
        typed(slot=MORNING.key, temperature="warm", note="told by phone"),
    )
    assert response.status_code == 422
    text = response.content.decode()
    assert 'value="warm"' in text
    assert "told by phone" in text
    assert f'name="slot" value="{MORNING.key}"' in text
    assert not Entry.objects.exists()


def test_recording_needs_its_permission(kolja, this_morning):
    client = sign_in(official("Emil", "epidemiologist"))
    assert client.get(page("record", kolja.pk)).status_code == 403
    assert client.post(page("record", kolja.pk), typed()).status_code == 403


def test_a_citizen_does_not_reach_the_file(phone, kolja):
    for name in ("record", "diary", "ladder"):
        assert phone.get(page(name, kolja.pk)).status_code == 403


@pytest.mark.parametrize("name", ["diary", "ladder", "record"])
def test_the_protected_person_of_another_circle_does_not_exist(desk, kolja, name):
    Person.objects.filter(pk=kolja.pk).update(protected=True)
    assert desk.get(page(name, kolja.pk)).status_code == 404


def test_the_diarys_region_has_chart_and_table_and_is_recorded(desk, kolja):
    write(kolja, MONDAY, "evening", "38.4", {"cough": 2}, note="Tired.")
    text = desk.get(page("diary", kolja.pk)).content.decode()
    assert "<svg" in text
    assert "above the limit" in text
    assert "Cough (moderate)" in text
    assert "Tired." in text
    assert Event.objects.filter(verb="file.opened", person=kolja.pk).count() == 1


def test_htmx_gets_the_region_alone(desk, kolja):
    for name in ("diary", "ladder"):
        response = desk.get(
            page(name, kolja.pk),
            headers={"HX-Request": "true", "HX-Target": name},
        )
        text = response.content.decode()
        assert "<html" not in text
        assert f'id="{name}"' in text


def test_the_ladders_region_says_where_somebody_stands(desk, kolja):
    text = desk.get(page("ladder", kolja.pk)).content.decode()
    for word in ("Reminder", "Slot overdue", "Representative", "Letter or visit"):
        assert word in text


def test_the_pages_ask_few_questions(phone, kolja, anna, django_assert_max_num_queries):
    ordered(kolja, anna)
    write(kolja, MONDAY, "morning", now=at(MONDAY, 8))
    write(kolja, MONDAY, "evening", symptoms={"cough": 1})
    for name in ("today", "days", "dates", "help"):
        phone.get(page(name, kolja.pk))
        with django_assert_max_num_queries(30):
            assert phone.get(page(name, kolja.pk)).status_code == 200


def test_a_monitoring_without_an_end_says_that_somebody_decides(phone, kolja):
    Monitoring.objects.filter(person=kolja).update(until=None)
    text = phone.get(page("dates", kolja.pk)).content.decode()
    assert "no end date yet" in text


def test_a_lapsed_order_is_not_shown_as_running(kolja, anna):
    ordered(kolja, anna)
    with time_machine.travel(at(ENDS + DAY, 9), tick=False):
        text = sign_in(kolja.user).get(page("dates", kolja.pk)).content.decode()
    assert "Your last day is over" in text
    assert "ends on" not in text


# --- What people type ----------------------------------------------------------------


@pytest.mark.parametrize("words", ["NaN", "Infinity", "warm", "49", "-3"])
def test_a_temperature_that_is_none_is_refused_at_its_field(phone, kolja, words):
    response = post(phone, kolja, temperature=words)
    assert response.status_code == 422
    assert 'id="id_temperature_error"' in response.content.decode()
    assert not kolja.entries.exists()


@pytest.mark.parametrize("words", ["38,5", "38.5 °C", " 38 , 5", "38,5 Grad Celsius"])
def test_a_temperature_is_taken_as_people_write_it(phone, kolja, words):
    assert post(phone, kolja, temperature=words).status_code == 302
    assert str(kolja.entries.get().temperature) == "38.5"


def test_a_note_counts_a_line_break_as_one_character_as_the_browser_does(phone, kolja):
    written = ("a" * 99 + "\r\n") * 20
    assert post(phone, kolja, note=written).status_code == 302
    assert kolja.entries.get().note == written.replace("\r\n", "\n").strip()


def test_a_note_that_is_too_long_is_refused_at_its_field(phone, kolja):
    response = post(phone, kolja, note="x" * 2001)
    assert response.status_code == 422
    assert 'id="id_note_error"' in response.content.decode()
    assert "x" * 2001 in response.content.decode()


def test_the_form_leads_to_days_dates_and_help_before_anything_is_sent(phone, kolja):
    text = phone.get(page("today", kolja.pk)).content.decode()
    for name in ("days", "dates", "help"):
        assert f'href="{page(name, kolja.pk)}"' in text


def test_a_corrected_entry_promises_no_call(phone, kolja):
    post(phone, kolja, temperature="39.0")
    entry = kolja.entries.get()
    response = post(phone, kolja, temperature="36.8", version=entry.version)
    assert response.status_code == 302
    assert raised(kolja, "fever").withdrawn_at is not None
    assert "has been told" not in phone.get(response.url).content.decode()


def test_a_missing_severity_is_said_at_its_symptom(phone, kolja):
    text = post(phone, kolja, symptom="cough").content.decode()
    assert 'id="severity-cough-error"' in text
    assert 'aria-describedby="severity-cough-error"' in text


def test_after_sending_a_representative_goes_on_to_the_next(
    phone, kolja, disease, anna
):
    child = contact(disease, anna, "Deniz", mobile="")
    Reporter.objects.create(
        user=kolja.user,
        person=child,
        kind="custody",
        since=MONDAY,
        appointed_at=OPENED,
        appointed_by=anna,
    )
    text = phone.get(post(phone, kolja).url).content.decode()
    assert page("today", child.pk) in text


def test_the_first_view_weighs_little_on_a_phone(phone, kolja):
    text = phone.get(page("today", kolja.pk)).content
    names = set(re.findall(r'(?:href|src)="/static/([^"#]+)', text.decode()))
    assert "citizen.css" in names
    sizes = {
        name: len(gzip.compress((settings.BASE_DIR / "static" / name).read_bytes()))
        for name in names
    }
    assert sizes["citizen.css"] <= 12_000
    assert sum(sizes.values()) + len(gzip.compress(text)) <= 60_000
