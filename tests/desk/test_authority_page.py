import pytest
import time_machine
from django_tenants.utils import schema_context

from health_authorities.models import HealthAuthority
from tests import factories as make
from tests import world as worlds

PAGE = "/authority/"
TYPED = {
    "version": "1",
    **{f"day_{number}": "8-12, 13:00-16:30" for number in range(5)},
    "closed_on_holidays": "on",
    "special_days": "24.12.2026 8-12\n31.12.2026",
    "on_call_phone": "0171 3920099",
    "on_call_phone_second": "0171 3920098",
    "cases_phone": "07000 555 1001",
    "city": "Neckarfurt",
}


@pytest.fixture
def ada(authority):
    user = worlds.hire("Ada", "administrator")
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.client_of("neckartal.localhost", user)


def stored():
    with schema_context("public"):
        return HealthAuthority.objects.get(schema_name="neckartal")


def test_hours_and_telephones_are_typed_and_kept(ada):
    response = ada.post(PAGE, TYPED)
    assert response.status_code == 302
    found = stored()
    assert found.on_call_phones == ["+491713920099", "+491713920098"]
    assert found.staffed_hours[0] == [["08:00", "12:00"], ["13:00", "16:30"]]
    assert found.staffed_hours[6] == []
    assert found.special_days == {"2026-12-24": [["08:00", "12:00"]], "2026-12-31": []}
    page = ada.get(PAGE).content.decode()
    assert "8:00-12:00, 13:00-16:30" in page
    assert "24.12.2026 8:00-12:00" in page
    assert "Staffed now, until 12:00" in page


def test_an_authority_without_on_call_telephone_is_warned(ada):
    assert "nobody hears of an emergency sign" in ada.get(PAGE).content.decode()
    ada.post(PAGE, TYPED)
    assert "nobody hears of an emergency sign" not in ada.get(PAGE).content.decode()


def test_holidays_are_those_of_the_state(ada):
    page = ada.get(PAGE).content.decode()
    assert "Next holidays in Baden-Württemberg" in page
    assert "Epiphany" in page  # 6 January; not in Berlin


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("day_2", "8-25"),
        ("special_days", "31.02.2026"),
        ("special_days", "31.12.2026 morning"),
        ("on_call_phone", "0621 12345678"),  # no text message reaches it
        ("on_call_phone", ""),
        ("on_call_phone_second", TYPED["on_call_phone"]),
        ("postal_code", "123"),
        ("cases_phone", "call us"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(ada, name, value):
    response = ada.post(PAGE, {**TYPED, name: value})
    assert response.status_code == 422
    assert "field--error" in response.content.decode()
    assert stored().version == 1


def test_whoever_saves_second_sees_both_and_may_save_again(ada):
    ada.post(PAGE, TYPED)
    response = ada.post(PAGE, {**TYPED, "city": "Elsewhere"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "Neckarfurt" in page
    assert "Elsewhere" in page
    assert 'name="version" value="2"' in page
    ada.post(PAGE, {**TYPED, "city": "Elsewhere", "version": "2"})
    assert stored().city == "Elsewhere"


def test_only_the_administrator_comes_in(authority):
    anna = worlds.client_of("neckartal.localhost", make.AnnaFactory())
    with time_machine.travel(worlds.NOW, tick=False):
        assert anna.get(PAGE).status_code == 403
        assert anna.post(PAGE, TYPED).status_code == 403


def test_one_authority_never_changes_the_other(ada, other_authority):
    ada.post(PAGE, TYPED)
    with schema_context("public"):
        other_authority.refresh_from_db()
    assert other_authority.city == ""
    assert other_authority.staffed_hours == []


@pytest.mark.parametrize(("typed", "kept"), [("4", 4), ("", 12), ("13", None)])
def test_sessions_are_shortened_and_never_lengthened(ada, typed, kept):
    response = ada.post(PAGE, TYPED | {"session_hours": typed})
    assert response.status_code == (302 if kept else 422)
    assert stored().session_hours == (kept or 12)
