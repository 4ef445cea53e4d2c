"""The one way a field looks. No database."""

from datetime import date

import pytest
from django import forms

from quarano.forms import Severity, SplitDateField, Toggle


class Sheet(forms.Form):
    code = forms.CharField(label="Code", help_text="Hyphens do not matter.")
    born = SplitDateField(label="Birth date", required=False)
    medicine = forms.BooleanField(widget=Toggle, required=False)
    cough = forms.TypedChoiceField(
        widget=Severity, choices=[(1, "mild"), (2, "moderate")], required=False
    )


def typed(day="", month="", year=""):
    return {"born_day": day, "born_month": month, "born_year": year}


def test_split_date_field_takes_a_day():
    sheet = Sheet({"code": "x"} | typed("2", "3", "1992"))
    assert sheet.is_valid(), sheet.errors
    assert sheet.cleaned_data["born"] == date(1992, 3, 2)


def test_split_date_field_left_empty_is_none_where_it_may():
    sheet = Sheet({"code": "x"} | typed())
    assert sheet.is_valid()
    assert sheet.cleaned_data["born"] is None


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (("31", "2", "1992"), "invalid"),
        (("2", "", "1992"), "incomplete"),
        (("2", "3", "92"), "year"),
        (("a", "3", "1992"), "invalid"),
        (("²", "3", "1992"), "invalid"),
    ],
)
def test_split_date_field_says_what_is_wrong(parts, code):
    sheet = Sheet({"code": "x"} | typed(*parts))
    assert sheet.errors.as_data()["born"][0].code == code


def test_split_date_field_keeps_what_was_typed():
    page = Sheet({"code": "x"} | typed("31", "2", "1992")).as_div()
    for part in ('value="31"', 'value="2"', 'value="1992"'):
        assert part in page


def test_field_ties_hint_and_error_to_its_box():
    page = Sheet({}).as_div()
    assert 'aria-describedby="id_code_helptext id_code_error"' in page
    assert 'aria-invalid="true"' in page
    assert page.index("id_code_error") < page.index('name="code"')


def test_severity_is_never_chosen_beforehand():
    assert "checked" not in Sheet().as_div()


def test_form_has_no_style_and_no_script():
    page = Sheet({}).as_div()
    assert "style=" not in page
    assert "<script" not in page
