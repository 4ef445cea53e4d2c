"""Figures on transmission, each computed by one statement; counts of cases and
contacts, days as local dates."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from contacts.models import Setting
from contacts.transmission import spread
from contacts.transmission.links import episodes, linked
from contacts.transmission.wanted import Wanted, rows

# A case younger than this may still infect others: not counted in the distribution.
COMPLETE = dt.timedelta(days=10)

CURVE = """
SELECT known, count(*),
       sum(CASE WHEN known IS NOT NULL THEN GREATEST(reported - known, 0) END)
FROM episodes GROUP BY known ORDER BY known NULLS LAST
"""
DELAY = """
SELECT late, count(*) FROM (
  SELECT GREATEST(reported - known, 0) AS late FROM episodes
  WHERE known IS NOT NULL
) delays GROUP BY late ORDER BY late
"""
ATTACK = """
SELECT e.setting, count(DISTINCT COALESCE(k.person_id, k.id)),
       count(DISTINCT later.person_id)
FROM episodes c
JOIN contacts_exposure e ON e.case_id = c.id
JOIN contacts_contact k ON k.id = e.contact_id
LEFT JOIN episodes later
  ON later.person_id = k.person_id AND later.id <> c.id
  AND later.day > e.day AND later.day <= e.day + %(incubation)s
WHERE e.withdrawn_at IS NULL AND k.dismissed_at IS NULL
  AND e.accepted_at IS NOT NULL AND e.is_infectious_day IS NOT FALSE
  AND (%(setting)s = '' OR e.setting = %(setting)s)
GROUP BY e.setting ORDER BY 2 DESC, 1
"""
SERIAL = """
SELECT later.onset - source.onset, count(*)
FROM best b
JOIN episodes later ON later.id = b.case_id
JOIN episodes source ON source.id = b.source_id
WHERE later.onset IS NOT NULL AND source.onset IS NOT NULL
GROUP BY 1 ORDER BY 1
"""
OFFSPRING = """
SELECT infected, count(*) FROM (
  SELECT c.id, count(b.case_id) AS infected
  FROM episodes c LEFT JOIN best b ON b.source_id = c.id
  WHERE c.day <= %(complete)s GROUP BY c.id
) each_case GROUP BY infected ORDER BY infected
"""


@dataclass(frozen=True)
class Curve:
    """The epidemic curve: cases by day; `undated` have no such day."""

    days: list[tuple[dt.date, int]]
    undated: int
    incomplete_from: dt.date

    @property
    def total(self) -> int:
        return sum(count for _day, count in self.days)


def curve(wanted: Wanted) -> Curve:
    """Count cases by the day of onset, of the first positive specimen, or of report.

    The last days are incomplete: as many as 90 % of the reports needed lately, from
    onset (or specimen) to report.
    """
    found = rows(
        episodes(wanted) + CURVE,
        wanted.parameters(),
    )
    counts = {day: count for day, count, _late in found if day is not None}
    span = (wanted.until - wanted.since).days
    days = [wanted.since + dt.timedelta(days=n) for n in range(span + 1)]
    return Curve(
        days=[(day, counts.get(day, 0)) for day in days],
        undated=sum(count for day, count, _late in found if day is None),
        incomplete_from=wanted.today - dt.timedelta(days=delay(wanted) - 1),
    )


def delay(wanted: Wanted) -> int:
    """Return within how many days 90 % were reported; 3 while there are too few."""
    found = rows(
        episodes(wanted) + DELAY,
        wanted.parameters(),
    )
    few = 20
    if wanted.by == "report":
        return 1
    if sum(count for _late, count in found) < few:
        return 3
    return max(1, spread.quantile(dict(found), 0.9))


@dataclass(frozen=True)
class Attack:
    """Of those exposed in a setting, how many became cases; `low` and `high` bound
    the share with 95 % confidence (Wilson, JASA 1927)."""

    setting: str
    exposed: int
    cases: int

    @property
    def label(self) -> str:
        return str(Setting(self.setting).label)

    @property
    def share(self) -> float:
        return self.cases / self.exposed if self.exposed else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return spread.wilson(self.cases, self.exposed)


def secondary_attack(wanted: Wanted) -> list[Attack]:
    """Count who was exposed by setting, and who of them fell ill within the incubation
    period after an exposure there.

    Accepted exposures within the infectious period; one contact counts once a setting.
    Source: Halloran, Longini, Struchiner, Design and Analysis of Vaccine Studies,
    2010, chapter 2.
    """
    found = rows(
        episodes(wanted) + ATTACK,
        wanted.parameters(),
    )
    return [Attack(*row) for row in found]


def serial_intervals(wanted: Wanted) -> dict[int, int]:
    """Count pairs by the days from the onset of the likely source to the onset of the
    case; both onsets known. May be negative.

    Source: Svensson, Mathematical Biosciences 2007; Nishiura, Linton, Akhmetzhanov,
    International Journal of Infectious Diseases 2020.
    """
    found = rows(
        linked(wanted) + SERIAL,
        wanted.parameters(),
    )
    return dict(found)


def offspring(wanted: Wanted) -> dict[int, int]:
    """Count cases by how many others they likely infected, those with none too.

    Only cases old enough that whom they infected is known by now. Source: Lloyd-Smith
    et al., Nature 2005.
    """
    parameters = wanted.parameters() | {"complete": wanted.today - COMPLETE}
    found = rows(
        linked(wanted) + OFFSPRING,
        parameters,
    )
    return dict(found)


@dataclass(frozen=True)
class Cluster:
    """Cases who belong together: at an event, in a household, or at a place."""

    kind: str  # 'event', 'household', 'place'
    key: str
    cases: int
    first_day: dt.date
    last_day: dt.date
    first_case: UUID
    name: str = ""


CLUSTERS = """
at_events AS (
  SELECT event_id, case_id FROM links WHERE event_id IS NOT NULL
  UNION
  SELECT event_id, source_id FROM links
  WHERE event_id IS NOT NULL AND source_id IS NOT NULL
  UNION
  SELECT event_id, case_id FROM bringing
),
at_home AS (
  SELECT lower(trim(p.street)) || ' ' || trim(p.postal_code) AS home, c.id AS case_id
  FROM episodes c JOIN cases_person p ON p.id = c.person_id
  WHERE p.street <> '' AND p.postal_code <> ''
),
at_places AS (
  SELECT lower(trim(e.place)) AS place, c.id AS case_id, min(trim(e.place)) AS said
  FROM contacts_exposure e
  JOIN contacts_contact k ON k.id = e.contact_id
  JOIN episodes c ON c.id = e.case_id OR c.person_id = k.person_id
  WHERE e.place <> '' AND e.event_id IS NULL AND e.withdrawn_at IS NULL
    AND e.day BETWEEN c.day - %(incubation)s AND c.day + %(infectious_after)s
    AND e.day BETWEEN %(places_since)s AND %(until)s
  GROUP BY lower(trim(e.place)), c.id
),
belonging AS (
  SELECT 'event' AS kind, event_id::text AS key, case_id, '' AS said FROM at_events
  UNION ALL SELECT 'household', home, case_id, home FROM at_home
  UNION ALL SELECT 'place', place, case_id, said FROM at_places
),
clusters AS (
  SELECT m.kind, m.key, count(*) AS cases, min(c.day) AS first_day,
         max(c.day) AS last_day, min(m.said) AS said
  FROM belonging m JOIN episodes c ON c.id = m.case_id
  GROUP BY m.kind, m.key HAVING count(*) >= %(at_least)s
),
firsts AS (
  SELECT m.kind, m.key, c.id, row_number() OVER (
           PARTITION BY m.kind, m.key ORDER BY c.day, c.id) AS place
  FROM belonging m
  JOIN clusters u ON u.kind = m.kind AND u.key = m.key
  JOIN episodes c ON c.id = m.case_id
)
SELECT u.kind, u.key, u.cases, u.first_day, u.last_day, f.id,
       CASE WHEN u.kind = 'event' THEN (
         SELECT v.name FROM contacts_event v WHERE v.id::text = u.key
       ) ELSE u.said END
FROM clusters u
JOIN firsts f ON f.kind = u.kind AND f.key = u.key AND f.place = 1
ORDER BY u.cases DESC, u.last_day DESC, u.kind, u.key
"""


def clusters(wanted: Wanted, *, at_least: int | None = None) -> list[Cluster]:
    """Return where several cases belong together, the largest first.

    By event, by household (the same street and postal code), and by the place of their
    exposures. `at_least` is the policy's number of cases where nothing is said.
    """
    parameters = wanted.parameters() | {
        "at_least": at_least or wanted.policy.cluster_from,
        "places_since": wanted.since - dt.timedelta(days=wanted.policy.incubation_days),
    }
    found = rows(
        f"{linked(wanted)}, {CLUSTERS}",
        parameters,
    )
    return [Cluster(*row) for row in found]
