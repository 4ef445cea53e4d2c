"""Who is due for a reminder now, asked of the database at once for all people.

The rules are those of `diaries.reminders.due`, which a test compares on invented
people. What hangs on the clock (which slots run and have ended, until when they can be
entered, which wishes for an hour have come) is worked out once in Python and handed to
the statement; what hangs on people is looked up there.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection

from cases.models import Person, Routine
from diaries import owed, reminders
from diaries.slots import EARLIEST, EVENING, ONE_DAY, Slot, instant
from health_authorities.models import HealthAuthority, current
from quarano.cockroach.transactions import asks_for_retry, retrying_transaction
from quarano.notifications import outbox

# People told in one transaction: short, so that whoever enters meanwhile is in nobody's
# way.
TOGETHER = 500
# Stands for every last day that changes nothing about the slots of this moment.
FAR = EARLIEST

# Everybody who keeps a diary and may be written to, with the span of their monitorings.
# `begun` lies in the first slot: see `owed.first_slot`.
KEEPERS = """
spans AS (
  SELECT m.person_id,
    min(GREATEST(m.opened_at, CASE {starts} END)) AS begun,
    CASE WHEN bool_or(m.until IS NULL) THEN NULL ELSE max(m.until) END AS last_day,
    max(COALESCE(m.registered_at, m.opened_at)) AS since,
    max(c.in_hospital_until) FILTER (WHERE c.in_hospital_until < %(today)s)
      AS left_hospital
  FROM cases_monitoring m LEFT JOIN cases_case c ON c.id = m.case_id
  WHERE m.status IN ('planned', 'open') AND m.enrolment = ANY(%(keeping)s)
    AND m.start <= %(today)s AND {people}
  GROUP BY m.person_id
  HAVING bool_or(m.enrolment <> 'by_phone') AND NOT bool_or(COALESCE(
    c.in_hospital_since <= %(today)s
    AND COALESCE(c.in_hospital_until >= %(today)s, TRUE), FALSE))
),
keepers AS (
  SELECT s.*, p.email, p.mobile, p.preferred_channel, p.language,
    p.last_entry_at, p.last_reached_at,
    p.email <> '' AND NOT p.no_internet AS has_mail, p.mobile <> '' AS has_sms,
    COALESCE(p.preferred_morning, %(remind_morning)s) AS morning,
    COALESCE(p.preferred_evening, %(remind_evening)s) AS evening
  FROM spans s JOIN cases_person p ON p.id = s.person_id
  WHERE p.died_on IS NULL
),
times (rung, last_day, day, half, upto, opens, ends, key, expires_at,
  earlier_day, earlier_half, earlier_upto, earlier_ends, hospital_from) AS (
  VALUES {times}
),
owing AS (
  SELECT k.*, t.rung, t.day, t.half, t.key, t.expires_at, t.earlier_day,
    t.earlier_half, t.earlier_upto, t.earlier_ends, t.hospital_from
  FROM keepers k JOIN times t ON t.last_day =
    CASE WHEN k.last_day >= %(from_day)s AND k.last_day <= %(upto_day)s
      THEN k.last_day ELSE %(far)s END
  WHERE k.begun < t.upto AND (k.last_day IS NULL OR t.day <= k.last_day)
    AND (k.last_reached_at IS NULL OR k.last_reached_at < t.opens)
    AND (k.last_entry_at IS NULL OR k.last_entry_at < t.ends)
    AND NOT EXISTS (SELECT 1 FROM diaries_entry e
      WHERE e.person_id = k.person_id AND e.day = t.day AND e.half = t.half)
)
"""

# The first rung on the preferred channel, the second on the other one.
OWN = """
WITH {keepers},
wanted AS (
  SELECT o.person_id, o.rung, o.key, o.expires_at,
    CASE WHEN o.rung = 'first' THEN
      CASE WHEN o.has_mail AND NOT (o.has_sms AND o.preferred_channel = 'sms')
        THEN 'mail' WHEN o.has_sms THEN 'sms' END
    ELSE
      CASE WHEN o.has_sms AND NOT (o.has_mail AND o.preferred_channel = 'sms')
        THEN 'sms' WHEN o.has_mail THEN 'mail' END
    END AS channel,
    o.email, o.mobile,
    CASE WHEN o.language = ANY(%(written_in)s) THEN o.language
      ELSE %(language)s END AS language
  FROM owing o
  WHERE o.rung <> 'first' OR CASE WHEN o.half = 'evening' THEN o.evening
    ELSE o.morning END = ANY(%(hours)s)
),
due AS (
  SELECT w.person_id AS about, w.rung, w.channel, w.language, w.expires_at,
    CASE WHEN w.channel = 'mail' THEN w.email ELSE w.mobile END AS recipient,
    'diary:' || CAST(w.person_id AS VARCHAR) || ':' || w.key || ':' || w.rung
      || ':' || w.channel AS purpose
  FROM wanted w WHERE w.channel IS NOT NULL
)
"""
# Two slots in a row overdue without a sign of life: see `owed.debt_of`.
REPRESENTATIVES = """
WITH {keepers},
silent AS (
  SELECT o.* FROM owing o
  WHERE o.begun < o.earlier_upto AND o.since < o.earlier_ends
    AND (o.last_entry_at IS NULL OR o.last_entry_at < o.earlier_ends)
    AND (o.last_reached_at IS NULL OR o.last_reached_at < o.earlier_ends)
    AND (o.left_hospital IS NULL OR o.left_hospital < o.hospital_from)
    AND NOT EXISTS (SELECT 1 FROM diaries_entry e WHERE e.person_id = o.person_id
      AND e.day = o.earlier_day AND e.half = o.earlier_half)
),
appointed AS (
  SELECT s.person_id, s.rung, s.key, s.expires_at, r.appointed_at, r.id,
    CASE WHEN COALESCE(u.email, '') <> '' THEN 'mail' ELSE 'sms' END AS channel,
    CASE WHEN COALESCE(u.email, '') <> '' THEN u.email ELSE u.mobile END AS recipient,
    CASE WHEN u.language <> '' THEN u.language ELSE %(language)s END AS language
  FROM silent s JOIN cases_reporter r ON r.person_id = s.person_id
  JOIN accounts_user u ON u.id = r.user_id
  WHERE r.kind <> 'self' AND r.since <= %(today)s
    AND (r.until IS NULL OR r.until >= %(today)s)
    AND (COALESCE(u.email, '') <> '' OR COALESCE(u.mobile, '') <> '')
),
wanted AS (
  SELECT DISTINCT ON (a.person_id, a.channel) a.*
  FROM appointed a ORDER BY a.person_id, a.channel, a.appointed_at, a.id
),
due AS (
  SELECT w.person_id AS about, w.rung, w.channel, w.language, w.expires_at,
    w.recipient, 'diary:' || CAST(w.person_id AS VARCHAR) || ':' || w.key || ':'
      || w.rung || ':' || w.channel AS purpose
  FROM wanted w
)
"""
WHOM = """
SELECT DISTINCT d.about FROM due d WHERE NOT EXISTS (
  SELECT 1 FROM notifications_message n WHERE n.purpose = d.purpose)
"""
EVERYBODY, THESE = "TRUE", "m.person_id = ANY(%(people)s)"


def send_due(*, now: dt.datetime) -> int:
    """Write every reminder that is due now into the outbox; return how many.

    One statement finds whom, for each of the two steps; then some hundred people are
    told in a transaction. Twice, or by two workers at once, is once.
    """
    authority = current()
    routine = Routine.objects.in_force(on=authority.localdate(now))
    if reminders.is_quiet(authority.localtime(now).time(), routine):
        return 0
    return sum(
        _write_all(sql, chunk, now=now)
        for sql in (OWN, REPRESENTATIVES)
        for chunk in _chunks(_whom(sql, now=now))
    )


def _chunks(people: list[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(people), TOGETHER):
        yield people[start : start + TOGETHER]


def finding(sql: str, *, now: dt.datetime) -> tuple[str, dict[str, Any]] | None:
    """Return the statement, with its values, that finds whom a step has to write to;
    None where it is nobody's turn."""
    found = _statement(sql, people=None, now=now)
    return None if found is None else (found[0] + WHOM, found[1])


def _whom(sql: str, *, now: dt.datetime) -> list[UUID]:
    statement = finding(sql, now=now)
    if statement is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return sorted(person for (person,) in cursor.fetchall())


def _write_all(sql: str, people: list[UUID], *, now: dt.datetime) -> int:
    """Write to these people; where others are in the way for too long, in halves."""
    try:
        return _write(sql, people, now=now)
    except Exception as error:
        if len(people) == 1 or not asks_for_retry(error):
            raise
    half = len(people) // 2
    return _write_all(sql, people[:half], now=now) + _write_all(
        sql, people[half:], now=now
    )


@retrying_transaction(repeatable=True)
def _write(sql: str, people: list[UUID], *, now: dt.datetime) -> int:
    """Write the messages of these people, as far as they are due still."""
    statement = _statement(sql, people=people, now=now)
    if statement is None:
        return 0
    return outbox.write_selected(
        *statement, folder="diaries/messages", parameters={"path": "/diary/"}, now=now
    )


def _statement(
    sql: str, *, people: list[UUID] | None, now: dt.datetime
) -> tuple[str, dict[str, Any]] | None:
    """The statement of a step as far as `due`, and its values; None: nobody's turn."""
    authority = current()
    today = authority.localdate(now)
    routine = Routine.objects.in_force(on=today)
    running = Slot.at(authority.zone, now, routine)
    # A last day before these owes no slot of now, one after them changes none.
    days = [running.day - 2 * ONE_DAY, running.day - ONE_DAY, running.day]
    rows = [
        row
        for last_day in (None, *days)
        for row in _times(sql, authority, routine, last_day, now=now)
    ]
    if not rows:
        return None
    values: dict[str, Any] = {
        "today": today,
        "keeping": list(owed.KEEPING),
        "remind_morning": routine.remind_morning,
        "remind_evening": routine.remind_evening,
        "from_day": days[0],
        "upto_day": days[-1],
        "far": FAR,
        "people": people,
        "written_in": list(reminders.WRITTEN_IN),
        "language": authority.default_language,
        "hours": _hours(running, authority, routine, now=now) if sql is OWN else [],
    }
    keepers = KEEPERS.format(
        starts=_starts(days, authority, routine, values),
        people=EVERYBODY if people is None else THESE,
        times=_rows(rows, values),
    )
    return sql.format(keepers=keepers), values


def _starts(
    days: list[dt.date],
    authority: HealthAuthority,
    routine: Routine,
    values: dict[str, Any],
) -> str:
    """When the first slot of a monitoring's first day opens, for the days of now."""
    values["long_ago"] = days[0] - ONE_DAY
    cases = ["WHEN m.start <= %(long_ago)s THEN m.opened_at"]
    for place, day in enumerate([*days, days[-1] + ONE_DAY]):
        opens = Slot.first_of(day, routine).opens(authority.zone, routine)
        values |= {f"start_{place}": day, f"start_opens_{place}": opens}
        cases.append(
            f"WHEN m.start = %(start_{place})s"
            f" THEN CAST(%(start_opens_{place})s AS TIMESTAMPTZ)"
        )
    return " ".join(cases)


TYPES = (
    "VARCHAR", "DATE", "DATE", "VARCHAR", "TIMESTAMPTZ", "TIMESTAMPTZ", "TIMESTAMPTZ",
    "VARCHAR", "TIMESTAMPTZ", "DATE", "VARCHAR", "TIMESTAMPTZ", "TIMESTAMPTZ", "DATE",
)  # fmt: skip


def _rows(rows: list[tuple[Any, ...]], values: dict[str, Any]) -> str:
    """The rows as they stand behind VALUES, each value with its type."""
    written = []
    for number, row in enumerate(rows):
        names = [f"time_{number}_{place}" for place in range(len(row))]
        values |= dict(zip(names, row, strict=True))
        typed = zip(names, TYPES, strict=True)
        cells = ", ".join(f"CAST(%({name})s AS {kind})" for name, kind in typed)
        written.append(f"({cells})")
    return ", ".join(written)


def _times(
    sql: str,
    authority: HealthAuthority,
    routine: Routine,
    last_day: dt.date | None,
    *,
    now: dt.datetime,
) -> Iterator[tuple[Any, ...]]:
    """The rungs whose time has come for those whose diary ends on that day."""
    zone = authority.zone
    running = Slot.at(zone, now, routine)
    ended = owed.last_ended(zone, routine, now=now, last_day=last_day)
    found: list[tuple[str, Slot]] = []
    if sql is REPRESENTATIVES:
        found.append((reminders.REPRESENTATIVE, ended))
    else:
        if now < running.ends(zone, routine, last_day=last_day):
            found.append((reminders.FIRST, running))
        if reminders.overdue_at(ended, authority, routine, last_day=last_day) <= now:
            found.append((reminders.OVERDUE, ended))
    quiet = reminders.next_quiet(now, authority, routine)
    for rung, slot in found:
        deadline = slot.deadline(zone, routine, last_day=last_day)
        if now >= deadline:
            continue
        earlier = slot.previous
        earlier_ends = earlier.ends(zone, routine, last_day=last_day)
        yield (
            rung,
            last_day or FAR,
            slot.day,
            slot.half,
            slot.next.opens(zone, routine),
            slot.opens(zone, routine),
            slot.ends(zone, routine, last_day=last_day),
            slot.key,
            min(deadline, quiet),
            earlier.day,
            earlier.half,
            earlier.next.opens(zone, routine),
            earlier_ends,
            _hospital_from(earlier_ends, zone),
        )


def _hospital_from(ends: dt.datetime, zone: dt.tzinfo) -> dt.date:
    """The first last day in hospital that ended no earlier than that slot."""
    day = ends.astimezone(zone).date() - ONE_DAY
    return day if instant(zone, day + ONE_DAY, dt.time.min) >= ends else day + ONE_DAY


def _hours(
    running: Slot, authority: HealthAuthority, routine: Routine, *, now: dt.datetime
) -> list[dt.time]:
    """The wishes for an hour, and the routine's, that have come for this slot."""
    is_evening = running.half == EVENING
    name = "preferred_evening" if is_evening else "preferred_morning"
    wishes = Person.objects.filter(**{f"{name}__isnull": False}).order_by()
    hours = set(wishes.values_list(name, flat=True).distinct())
    hours.add(routine.remind_evening if is_evening else routine.remind_morning)
    return sorted(
        hour
        for hour in hours
        if reminders.reminded_at(
            running, Person(**{name: hour}), authority, routine
        ) <= now
    )  # fmt: skip
