"""The statement all figures rest on: cases with their day, and who may have infected
whom.

`episodes` are the cases. `links` are all possible sources that nobody rejected: what is
stored, what exposures say, and who was at the same event. `best` is the likeliest of
each case, by an official's word, then by strength, then the latest exposure. Set-based,
for PostgreSQL and CockroachDB alike.

An exposure can be the source only within the incubation period before the onset, and of
a case whose own day is not later. At an event with infectious cases a day of incubation
is too short: of the infected, 2.5 % fall ill within 2.2 days (Lauer et al., Annals of
Internal Medicine 2020); whoever falls ill earlier brought it.
"""

from contacts.transmission.wanted import Wanted

REPORTED = "(c.reported_at AT TIME ZONE %(zone)s)::date"
DAY = f"COALESCE(c.onset, c.specimen_date, {REPORTED})"
SHOWN = {
    "onset": DAY,
    "specimen": f"COALESCE(c.specimen_date, c.onset, {REPORTED})",
    "report": REPORTED,
}
# What a case has of that kind; empty where it has none.
KNOWN = {"onset": "c.onset", "specimen": "c.specimen_date", "report": REPORTED}
RANK = "CASE l.strength WHEN 'named' THEN 1 WHEN 'same_event' THEN 2 ELSE 3 END"

EPISODES = """
episodes AS (
  SELECT c.id, c.person_id, c.classification, c.onset, {reported} AS reported,
         {day} AS day, {shown} AS shown, {known} AS known, p.postal_code
  FROM cases_case c JOIN cases_person p ON p.id = c.person_id
  WHERE c.disease_id = %(disease)s AND c.classification <> 'discarded'
    AND c.reported_at >= %(reported_from)s AND c.reported_at < %(reported_to)s
    AND p.postal_code LIKE %(district)s
    AND {shown} BETWEEN %(since)s AND %(until)s
)"""

LINKS = """
met AS (
  SELECT e.case_id, e.event_id, e.day, e.setting, k.person_id
  FROM episodes source
  JOIN contacts_exposure e ON e.case_id = source.id
  JOIN contacts_contact k ON k.id = e.contact_id
  WHERE e.withdrawn_at IS NULL AND k.dismissed_at IS NULL
    AND e.is_infectious_day IS NOT FALSE AND k.person_id IS NOT NULL
),
gathering AS (
  SELECT v.id, v.setting, v.kind, (v.starts_at AT TIME ZONE %(zone)s)::date AS day
  FROM contacts_event v WHERE v.discarded_at IS NULL
),
said AS (
  SELECT l.case_id, l.source_id,
         COALESCE(l.event_id, (
           SELECT m.event_id FROM met m
           WHERE m.case_id = l.source_id AND m.person_id = own.person_id
             AND m.event_id IS NOT NULL ORDER BY m.day DESC, m.event_id LIMIT 1
         )) AS event_id,
         l.day, l.strength, l.likely,
         COALESCE((
           SELECT m.setting FROM met m
           WHERE m.case_id = l.source_id AND m.person_id = own.person_id
           ORDER BY m.day DESC, m.setting LIMIT 1
         ), (SELECT g.setting FROM gathering g WHERE g.id = l.event_id), '') AS setting
  FROM contacts_sourcelink l JOIN episodes own ON own.id = l.case_id
  WHERE l.rejected_at IS NULL
),
exposed AS (
  SELECT later.id AS case_id, m.case_id AS source_id, m.event_id, max(m.day) AS day,
         CASE WHEN m.event_id IS NULL THEN 'named' ELSE 'same_event' END AS strength,
         false AS likely, min(m.setting) AS setting
  FROM met m
  JOIN episodes later ON later.person_id = m.person_id
  JOIN episodes source ON source.id = m.case_id
  WHERE later.id <> source.id
    AND (source.day < later.day OR source.day = later.day AND source.id < later.id)
    AND m.day < later.day AND m.day >= later.day - %(incubation)s
    AND NOT EXISTS (
      SELECT 1 FROM contacts_sourcelink l WHERE l.case_id = later.id
        AND (l.source_id = m.case_id OR l.event_id = m.event_id)
    )
  GROUP BY later.id, m.case_id, m.event_id
),
present AS (
  SELECT n.event_id, n.case_id, g.day, g.setting, c.day AS fell_ill
  FROM contacts_eventcase n
  JOIN episodes c ON c.id = n.case_id
  JOIN gathering g ON g.id = n.event_id
),
bringing AS (
  SELECT event_id, case_id,
         row_number() OVER (PARTITION BY event_id ORDER BY fell_ill, case_id) AS place
  FROM present
  WHERE fell_ill < day + 2 AND fell_ill + %(infectious_after)s >= day
),
gathered AS (
  SELECT p.case_id, b.case_id AS source_id, p.event_id, p.day,
         'same_event' AS strength, false AS likely, p.setting
  FROM present p
  LEFT JOIN bringing b ON b.event_id = p.event_id AND b.place = 1
  WHERE p.fell_ill >= p.day + 2 AND p.fell_ill <= p.day + %(incubation)s
    AND NOT EXISTS (
      SELECT 1 FROM contacts_sourcelink l
      WHERE l.case_id = p.case_id AND l.event_id = p.event_id
    )
    AND NOT EXISTS (
      SELECT 1 FROM exposed x WHERE x.case_id = p.case_id AND x.event_id = p.event_id
    )
),
possible AS (
  SELECT * FROM said UNION ALL SELECT * FROM exposed UNION ALL SELECT * FROM gathered
),
links AS (
  SELECT l.case_id, COALESCE(l.source_id, b.case_id) AS source_id, l.event_id, l.day,
         l.strength, l.likely, l.setting,
         row_number() OVER (
           PARTITION BY l.case_id
           ORDER BY l.likely DESC, {rank}, l.day DESC NULLS LAST,
                    l.source_id NULLS LAST, l.event_id NULLS LAST
         ) AS place
  FROM possible l
  LEFT JOIN bringing b
    ON b.event_id = l.event_id AND b.place = 1 AND b.case_id <> l.case_id
  WHERE %(setting)s = '' OR l.setting = %(setting)s
),
best AS (
  SELECT l.* FROM links l WHERE l.place = 1
)"""

GENERATIONS = """
chain AS (
  SELECT c.id, CASE WHEN b.event_id IS NULL THEN 0 ELSE 1 END AS generation,
         c.id AS root
  FROM episodes c
  LEFT JOIN best b ON b.case_id = c.id
  LEFT JOIN episodes source ON source.id = b.source_id
  WHERE source.id IS NULL
  UNION ALL
  SELECT b.case_id, chain.generation + 1, chain.root
  FROM chain JOIN best b ON b.source_id = chain.id
  WHERE chain.generation < 60
)"""


def episodes(wanted: Wanted) -> str:
    """Return the beginning of a statement: the cases that are wanted."""
    found = EPISODES.format(
        day=DAY, shown=SHOWN[wanted.by], known=KNOWN[wanted.by], reported=REPORTED
    )
    return f"WITH RECURSIVE {found}"


def linked(wanted: Wanted) -> str:
    """Return the beginning of a statement: the cases, and their possible sources."""
    return f"{episodes(wanted)}, {LINKS.format(rank=RANK)}"


def chained(wanted: Wanted) -> str:
    """Return the beginning of a statement: cases, sources, and generations."""
    return f"{linked(wanted)}, {GENERATIONS}"
