import datetime as dt

import pytest
from django.db import connection

from cases import calls, comments, escalation
from cases.models import CallAttempt, Escalation
from quarano.audit.models import Event
from tests.factories import DAY, NOW
from tests.faults import survives

Reason = Escalation.Reason
HOUR = dt.timedelta(hours=1)


def call(monitoring, anna, outcome, now=NOW):
    return calls.record_call(
        monitoring.person,
        outcome=outcome,
        number="+491713920001",
        monitoring=monitoring,
        by=anna,
        now=now,
    )


def raise_all(monitoring):
    for reason in (
        Reason.FIRST_CALL_OVERDUE, Reason.ENTRY_MISSING, Reason.SILENT,
        Reason.NOT_REGISTERED, Reason.FEVER,
    ):  # fmt: skip
        escalation.raise_(monitoring, reason, occasion="x", facts={}, now=NOW)


def reasons():
    return set(Escalation.objects.open().values_list("reason", flat=True))


def test_a_call_that_reached_answers_first_call_and_silence(isolation, anna):
    raise_all(isolation)

    attempt = call(isolation, anna, "reached")

    isolation.refresh_from_db()
    isolation.person.refresh_from_db()
    assert (attempt.called_at, attempt.called_by) == (NOW, anna)
    assert isolation.first_called_at == NOW
    assert isolation.person.last_reached_at == NOW
    assert reasons() == {Reason.NOT_REGISTERED, Reason.FEVER}


@pytest.mark.parametrize(
    "outcome",
    [value for value in CallAttempt.Outcome.values if value != "reached"],
)
def test_a_call_that_did_not_reach_answers_nothing(isolation, anna, outcome):
    raise_all(isolation)
    before = reasons()

    call(isolation, anna, outcome)

    isolation.refresh_from_db()
    isolation.person.refresh_from_db()
    assert reasons() == before
    assert isolation.first_called_at is None
    assert isolation.person.last_reached_at is None


def test_the_first_call_stays_the_first(isolation, anna):
    call(isolation, anna, "reached")
    call(isolation, anna, "reached", now=NOW + DAY)

    isolation.refresh_from_db()
    isolation.person.refresh_from_db()
    assert isolation.first_called_at == NOW
    assert isolation.person.last_reached_at == NOW + DAY


def test_a_call_without_a_monitoring_is_about_the_person(isolation, anna):
    calls.record_call(isolation.person, outcome="reached", by=anna, now=NOW)

    isolation.refresh_from_db()
    assert isolation.first_called_at == NOW


def test_a_call_is_audited_by_its_outcome_only(isolation, anna):
    calls.record_call(
        isolation.person, outcome="busy", note="quarrels", by=anna, now=NOW
    )

    event = Event.objects.get(verb="call.recorded")
    assert event.codes == {"outcome": "busy"}
    assert event.person == isolation.person_id


def test_three_calls_at_different_hours_ask_for_a_letter(isolation, anna):
    for hours in (0, 0.2, 3):
        call(isolation, anna, "no_answer", now=NOW + hours * HOUR)
    assert not calls.needs_letter(isolation.person, now=NOW + 4 * HOUR)

    call(isolation, anna, "voicemail", now=NOW + 8 * HOUR)

    assert calls.needs_letter(isolation.person, now=NOW + 9 * HOUR)


def test_somebody_who_was_reached_needs_no_letter(isolation, anna):
    for hours in (0, 3, 8):
        call(isolation, anna, "no_answer", now=NOW + hours * HOUR)
    call(isolation, anna, "reached", now=NOW + 9 * HOUR)
    isolation.person.refresh_from_db()

    assert not calls.needs_letter(isolation.person, now=NOW + 10 * HOUR)


def test_recording_a_call_survives_every_refusal(isolation, anna):
    raise_all(isolation)

    assert survives(lambda: call(isolation, anna, "reached"))


# --- Comments -----------------------------------------------------------------------


def test_a_comment_is_kept_sealed(isolation, anna):
    comment = comments.write(isolation.person, " Has a dog. ", by=anna, now=NOW)

    comment.refresh_from_db()
    assert (comment.text, comment.written_by) == ("Has a dog.", anna)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM cases_comment")
        assert "Has a dog" not in cursor.fetchone()[0]
    event = Event.objects.get(verb="comment.written")
    assert "dog" not in str(event.__dict__)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_comment_has_words(isolation, anna, text):
    with pytest.raises(comments.NothingSaid):
        comments.write(isolation.person, text, by=anna, now=NOW)


def test_writing_a_comment_survives_every_refusal(isolation, anna):
    assert survives(
        lambda: comments.write(isolation.person, "Has a dog.", by=anna, now=NOW)
    )
