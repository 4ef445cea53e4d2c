"""Where each person stands on the worklist, computed by the database in one statement.

Tens of thousands of escalations may be open; only those of one page are made into
objects. The order and the sum are those of `cases.worklist`, which a test compares.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection

from cases.models import Escalation, Routine
from quarano.accounts.models import User

if TYPE_CHECKING:
    from cases.worklist import Filters

PLACES = """
WITH lights AS (
  SELECT e.person_id, e.reason, e.due_at, e.raised_at, e.for_supervisor,
    COALESCE(e.assigned_to_id = %(me)s, FALSE) AS is_mine,
    COALESCE(e.snoozed_until > %(now)s, FALSE) AS is_asleep,
    CASE WHEN e.due_at <= %(now)s THEN 1
         WHEN e.band = 3 AND e.due_at < %(midnight)s THEN 2
         ELSE e.band END AS band,
    e.reason = ANY(%(medical)s) AS is_medical,
    (e.reason = 'worsening' OR e.worsened_at IS NOT NULL) AS is_worse,
    e.eased_at IS NULL AS is_fresh,
    p.birth_date, p.lives_alone,
    GREATEST(p.last_entry_at, p.last_reached_at) AS heard_at
  FROM cases_escalation e JOIN cases_person p ON p.id = e.person_id
  WHERE e.settled_at IS NULL AND p.died_on IS NULL AND {visible}
),
tabs AS (
  SELECT person_id,
    bool_or(NOT is_asleep) AS in_all,
    bool_or(is_asleep) AS in_snoozed,
    bool_or(NOT is_asleep AND for_supervisor) AS in_supervisor,
    bool_or(NOT is_asleep AND is_mine) AS in_mine
  FROM lights GROUP BY person_id
),
chosen AS (
  SELECT CASE WHEN %(tab)s <> '' THEN %(tab)s
    WHEN EXISTS (SELECT 1 FROM tabs WHERE in_mine) THEN 'mine' ELSE 'all' END AS tab
),
shown AS (
  SELECT l.* FROM lights l JOIN tabs t ON t.person_id = l.person_id
  CROSS JOIN chosen c
  WHERE CASE c.tab WHEN 'snoozed' THEN l.is_asleep
    WHEN 'supervisor' THEN NOT l.is_asleep AND l.for_supervisor
    WHEN 'mine' THEN NOT l.is_asleep AND t.in_mine
    ELSE NOT l.is_asleep END
),
people AS (
  SELECT person_id,
    bool_or(reason = 'emergency') AS is_emergency,
    min(band) AS band,
    min(due_at) FILTER (WHERE band = 1) AS due_1,
    min(due_at) FILTER (WHERE band = 2) AS due_2,
    min(due_at) FILTER (WHERE band = 3) AS due_3,
    bool_or(is_medical) AS is_medical,
    bool_or(is_worse) AS is_worse,
    bool_or(is_medical AND is_fresh) AS is_fresh,
    bool_or(reason = ANY(%(reasons)s)) AS has_reason,
    min(birth_date) AS birth_date,
    bool_or(lives_alone) AS lives_alone,
    max(heard_at) AS heard_at,
    min(raised_at) AS raised_at
  FROM shown GROUP BY person_id
),
spans AS (
  SELECT m.person_id, min(m.kind) AS kind, min(m.opened_at) AS opened_at
  FROM cases_monitoring m
  WHERE m.status IN ('planned', 'open')
    AND m.person_id IN (SELECT person_id FROM people)
  GROUP BY m.person_id
),
placed AS (
  SELECT p.*, s.kind,
    CASE p.band WHEN 1 THEN due_1 WHEN 2 THEN due_2 ELSE due_3 END AS due_at,
    COALESCE(GREATEST(p.heard_at, s.opened_at), p.raised_at) AS sign
  FROM people p LEFT JOIN spans s ON s.person_id = p.person_id
),
kept AS (
  SELECT person_id, is_emergency, band, due_at,
    CASE WHEN birth_date <= %(old)s THEN 2.0
         WHEN birth_date <= %(elderly)s OR birth_date > %(infant)s THEN 1.5
         ELSE 1.0 END
    * CASE WHEN lives_alone THEN 1.5 ELSE 1.0 END
    * CASE WHEN is_medical THEN 2.0 ELSE 1.0 END
    * CASE WHEN is_worse THEN 2.0 WHEN is_fresh THEN 1.5
           WHEN is_medical THEN 0.5 ELSE 1.0 END
    * CASE WHEN sign <= %(two_days_ago)s THEN 2.0
           WHEN sign <= %(a_day_ago)s THEN 1.5 ELSE 1.0 END
    * CASE WHEN due_at <= %(four_hours_ago)s THEN 3.0 WHEN due_at <= %(now)s THEN 2.0
           WHEN due_at <= %(in_an_hour)s THEN 1.5
           WHEN due_at < %(midnight)s THEN 1.0 ELSE 0.5 END AS score
  FROM placed
  WHERE (%(any_reason)s OR has_reason) AND (%(kind)s = '' OR kind = %(kind)s)
),
page AS (
  SELECT person_id, row_number() OVER (
    ORDER BY is_emergency DESC, band, score DESC, due_at, person_id) AS place
  FROM kept
)
SELECT 'person' AS what, CAST(person_id AS VARCHAR) AS code, place AS number
  FROM page WHERE {which}
UNION ALL SELECT 'tab', 'all', count(*) FROM tabs WHERE in_all
UNION ALL SELECT 'tab', 'snoozed', count(*) FROM tabs WHERE in_snoozed
UNION ALL SELECT 'tab', 'supervisor', count(*) FROM tabs WHERE in_supervisor
UNION ALL SELECT 'tab', 'mine', count(*) FROM tabs WHERE in_mine
UNION ALL SELECT 'chosen', tab, 1 FROM chosen
UNION ALL SELECT 'reason', reason, count(*) FROM (
  SELECT reason, person_id FROM shown GROUP BY reason, person_id) named GROUP BY reason
UNION ALL SELECT 'kind', kind, count(*) FROM placed WHERE kind IS NOT NULL GROUP BY kind
UNION ALL SELECT 'band', CAST(band AS VARCHAR), count(*) FROM kept GROUP BY band
"""
ON_THE_PAGE = "place > %(before)s AND place <= %(upto)s"
# The person and who stands beside; without the person the first one.
AROUND = (
    "place BETWEEN"
    " COALESCE((SELECT place FROM page WHERE person_id = %(around)s) - 1, 1) AND"
    " COALESCE((SELECT place FROM page WHERE person_id = %(around)s) + 1, 1)"
)
EVERYBODY, NOBODY = "TRUE", "FALSE"
NOT_PROTECTED = (
    "(NOT p.protected OR EXISTS (SELECT 1 FROM cases_protectedcircle c"
    " WHERE c.person_id = p.id AND c.user_id = %(me)s))"
)


@dataclass
class Places:
    """The people of one page in order, and how many there are of what."""

    tab: str = ""
    people: list[UUID] = field(default_factory=list)
    first: int = 0  # the place, from 1, of the first of them
    tabs: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    bands: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.bands.values())


def read(
    user: User,
    *,
    now: dt.datetime,
    today: dt.date,
    midnight: dt.datetime,
    filters: "Filters",
    size: int,
    ages: tuple[int, int, int],
    around: UUID | None = None,
) -> Places:
    """Return the page that these filters ask for; one statement. With `around` only
    that person and who stands before and after, or the first where it is not there.

    `today` and `midnight` (its end) are of the authority's zone; `ages` from which one
    is old (exclusive) and elderly, and below which an infant, in years.
    """
    hour = dt.timedelta(hours=1)
    old, elderly, infant = ages
    values: dict[str, Any] = {
        "me": user.pk,
        "now": now,
        "midnight": midnight,
        "medical": sorted(Escalation.MEDICAL),
        "tab": filters.tab,
        "reasons": sorted(filters.reasons),
        "any_reason": not filters.reasons,
        "kind": filters.kind,
        "old": years_before(today, old + 1),
        "elderly": years_before(today, elderly),
        "infant": years_before(today, infant),
        "two_days_ago": now - 48 * hour,
        "a_day_ago": now - 24 * hour,
        "four_hours_ago": now - 4 * hour,
        "in_an_hour": now + hour,
        "before": (filters.page - 1) * size,
        "upto": filters.page * size,
        "around": around,
    }
    with connection.cursor() as cursor:
        which = ON_THE_PAGE if around is None else AROUND
        cursor.execute(PLACES.format(visible=_visible(user), which=which), values)
        rows = cursor.fetchall()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for what, code, number in rows:
        found[what][code] = number
    in_order = sorted(found["person"].items(), key=lambda one: one[1])
    return Places(
        tab=next(iter(found["chosen"])),
        people=[UUID(code) for code, _place in in_order],
        first=in_order[0][1] if in_order else 0,
        tabs=found["tab"],
        reasons=found["reason"],
        kinds=found["kind"],
        bands={int(code): number for code, number in found["band"].items()},
    )


def _visible(user: User) -> str:
    """As `Person.objects.open_to(user)`, in words of this statement."""
    if not user.may("cases.view"):
        return NOBODY
    return EVERYBODY if user.may("cases.view_protected") else NOT_PROTECTED


def years_before(day: dt.date, years: int) -> dt.date:
    """Return the last birth date of those who are that many years old on the day."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def old_age(on: dt.date, default: int) -> int:
    """Return from how many years on (exclusive) the routine calls somebody old."""
    try:
        return Routine.objects.in_force(on=on).old_age
    except Routine.DoesNotExist:
        return default
