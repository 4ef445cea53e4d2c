import datetime as dt

import pytest
from django.utils import translation

from cases import containment, steps
from cases.arithmetic import Step
from cases.models import Policy

NOVEMBER = dt.date(2026, 11, 1)


def policy():
    return Policy(valid_from=dt.date(2026, 1, 1))


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def test_the_sum_of_an_isolation_reads_as_arithmetic():
    total = policy().isolation(onset=NOVEMBER, specimen=None, onset_source="official")

    rows = steps.in_words(total.as_json())

    assert [label for label, _value, _source in rows] == [
        "Symptom onset (day 0)",
        "Isolation",
        "Makes until",
        "Not before free of symptoms for",
    ]
    assert "2026" in rows[0][1]
    assert rows[0][2] == "recorded by the authority"
    assert rows[1][1] == "+ 10 days"
    assert rows[1][2].startswith("Policy of ")
    assert rows[2][1].endswith("24:00")
    assert rows[3][1] == "48 h"


def test_dates_are_told_in_the_readers_language():
    row = {"code": "last_exposure", "day": "2026-12-01"}

    assert "December" in steps.in_words([row])[0][1]
    with translation.override("de"):
        assert "Dezember" in steps.in_words([row])[0][1]


def every_step():
    """All steps that the rules and the processes write."""
    some = policy()
    day = dt.timedelta(days=1)
    sums = [
        some.isolation(
            onset=NOVEMBER, specimen=None, symptom_free_since=NOVEMBER + 20 * day
        ),
        some.isolation(onset=None, specimen=NOVEMBER),
        some.isolation(onset=None, specimen=None),
        some.isolation(onset=NOVEMBER, specimen=None, needs_physician=True),
        some.quarantine(last_exposure=NOVEMBER, category="close"),
        some.quarantine(
            last_exposure=NOVEMBER, household=True, further=NOVEMBER + 12 * day
        ),
    ]
    written = {step.code: step.as_json() for total in sums for step in total.steps}
    for code in ("decided", "lifted"):
        written[code] = Step(code, {"day": "2026-11-01"}).as_json()
    written["unexposed"] = Step("unexposed").as_json()
    written["not_counted"] = Step("not_counted", {"category": "none"}).as_json()
    written["exempt"] = Step("exempt", {"immunity": "infection"}).as_json()
    written["discarded"] = Step("discarded").as_json()
    return written


def test_every_step_that_is_written_has_words():
    written = every_step()

    assert set(written) == set(steps._WORDS)
    for step in written.values():
        ((label, value, _source),) = steps.in_words([step])
        assert label
        assert value


def test_a_step_of_a_later_version_is_left_out():
    assert steps.in_words([{"code": "moon_phase", "day": "2026-11-01"}]) == []


def test_refusals_say_why():
    assert str(containment.NotAPhysician()) == "Only a physician decides this."
