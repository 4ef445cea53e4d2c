import datetime as dt

import pytest
from django.utils import timezone, translation

from cases import words
from cases.models import Escalation

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
SYMPTOMS = {"cough": "cough", "blue_lips": "blue lips"}


def told(reason, facts, **fields):
    escalation = Escalation(reason=reason, facts=facts, **fields)
    with translation.override("en"):
        return words.fact_in_words(escalation, now=NOW, symptoms=SYMPTOMS)


@pytest.mark.parametrize(
    ("reason", "facts", "text"),
    [
        ("fever", {"temperature": 39.6, "limit": 39.4}, "39.6\xa0°C, limit 39.4\xa0°C"),
        ("emergency", {"oxygen": 89, "oxygen_before": 93}, "SpO₂ 89 %, was 93 %"),
        ("emergency", {"signs": ["blue_lips"]}, "blue lips"),
        ("worsening", {"temperatures": [37.6, 38.1, 38.9]}, "37.6 → 38.1 → 38.9\xa0°C"),
        (
            "worsening",
            {"symptom": "cough", "severities": [1, 2, 3]},
            "cough: mild → moderate → severe",
        ),
        ("first_symptom", {"symptoms": {"cough": 2}}, "cough (moderate)"),
        ("suspicious_symptom", {"symptoms": ["not_in_it"]}, "not in it"),
        ("silent", {"since": "2026-11-22T05:00:00+00:00"}, "no entry for 52 h"),
        ("entry_missing", {"slots": 2}, "2 entries overdue"),
        (
            "first_call_overdue",
            {"reported_at": "2026-11-23T07:00:00+00:00", "has_phone": False},
            "reported 26 h ago, no phone",
        ),
        (
            "not_registered",
            {"invited_at": "2026-11-23T08:00:00+00:00", "expired": False},
            "invited 25 h ago",
        ),
        ("details_missing", {"missing": ["birth_date"]}, "no birth date"),
        ("ends", {"until": "2026-11-24"}, "until Tue 24 Nov, 24:00"),
        ("message_failed", {"channels": ["mail"]}, "e-mail refused, no other channel"),
        ("onset_differs", {"diary": "2026-11-20", "case": None},
         "diary: Fri 20 Nov, none recorded"),
    ],
)  # fmt: skip
def test_a_fact_is_said_with_its_number(reason, facts, text):
    assert told(reason, facts) == text


@pytest.mark.parametrize("reason", Escalation.Reason.values)
def test_every_reason_has_words_and_an_icon(reason):
    assert isinstance(told(reason, {}), str)
    assert words.ICONS[reason]


def test_eased_and_withdrawn_are_said_first():
    facts = {"temperature": 38.9}
    assert told("fever", facts, eased_at=NOW).startswith("eased, ")
    assert told("fever", facts, withdrawn_at=NOW).startswith("withdrawn by the citizen")


def test_an_ending_says_until_when_it_must_be_decided(authority):
    noon = authority.at(NOW.date(), dt.time(12))
    with timezone.override(authority.zone):
        said = told("ends", {"until": "2026-11-24"}, due_at=noon)
    assert said == "until Tue 24 Nov, 24:00, decide by 12:00"
