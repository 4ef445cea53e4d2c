"""Where a case may have caught it: looked for by query, said by an official.

A rule only proposes; of several possible sources an official calls one the likely one,
or rejects it, and then the rule does not find it again.
"""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from cases import containment, escalation
from cases.models import Case, Disease, Escalation, EscalationOccasion
from contacts.models import Event, SourceLink
from contacts.transmission.figures import Cluster, clusters
from contacts.transmission.links import linked
from contacts.transmission.wanted import Wanted, code_of, rows, wanted
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

# Sources are looked for so far back, over several generations.
BACK = dt.timedelta(days=120)
# Cases that belong together lie at most so far apart.
TOGETHER = dt.timedelta(days=28)
DAY = dt.timedelta(days=1)


class Itself(containment.Refused):
    message = _("A case is not its own source.")


class Loop(containment.Refused):
    """The source would go back to the case itself."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.message = _(
            "This would be a loop: the source of %(code)s goes back to this case. "
            "Reject that source first."
        ) % {"code": code}


class AfterOnset(containment.Refused):
    message = _("The exposure lies after the onset of this case.")


class NotACase(containment.Refused):
    message = _("This case was discarded: nobody can have it from there.")


class OtherDisease(containment.Refused):
    message = _("This is a case of another disease.")


@retrying_transaction(repeatable=True)
def link(
    case: Case,
    *,
    source: Case | None = None,
    event: Event | None = None,
    strength: str = SourceLink.Strength.GUESSED.value,
    day: dt.date | None = None,
    by: User,
    now: dt.datetime,
) -> SourceLink:
    """Call a case or an event the likely source of a case, once; return the link.

    What was called so before stays possible. `day` is the local day of the exposure,
    where one is known. Raises Itself, Loop, AfterOnset, NotACase and OtherDisease.
    """
    locked = _locked(case)
    _check(locked, source, event, day, now=now)
    links = SourceLink.objects.filter(case=locked)
    links.filter(likely=True).exclude(source=source, event=event).update(likely=False)
    found = links.filter(source=source, event=event).first()
    if found is not None and found.likely:
        return found
    if found is None:
        found = SourceLink.objects.create(
            case=locked,
            source=source,
            event=event,
            day=day,
            strength=strength,
            likely=True,
            found_at=now,
            found_by=by,
        )
    else:
        found.likely, found.rejected_at, found.rejected_by = True, None, None
        found.day = day or found.day
        found.save(update_fields=["likely", "rejected_at", "rejected_by", "day"])
    audit.record(
        "source.linked",
        found,
        by=by,
        now=now,
        person=locked.person_id,
        codes={"strength": str(found.strength), "to": "event" if event else "case"},
    )
    return found


@retrying_transaction(repeatable=True)
def reject(
    case: Case,
    *,
    source: Case | None = None,
    event: Event | None = None,
    by: User,
    now: dt.datetime,
) -> SourceLink:
    """Say that a case did not catch it there; the rule will not find it again."""
    locked = _locked(case)
    found = SourceLink.objects.filter(case=locked, source=source, event=event).first()
    if found is None:
        found = SourceLink.objects.create(
            case=locked,
            source=source,
            event=event,
            strength=SourceLink.Strength.GUESSED,
            found_at=now,
            rejected_at=now,
            rejected_by=by,
        )
    elif found.rejected_at is not None:
        return found
    else:
        found.likely, found.rejected_at, found.rejected_by = False, now, by
        found.save(update_fields=["likely", "rejected_at", "rejected_by"])
    audit.record(
        "source.rejected",
        found,
        by=by,
        now=now,
        person=locked.person_id,
        codes={"from": "event" if event else "case"},
    )
    return found


def _locked(case: Case) -> Case:
    locked = Case.objects.select_for_update().get(pk=case.pk)
    # A lock alone does not meet a parallel one in every database; a write does.
    Case.objects.filter(pk=locked.pk).update(version=F("version"))
    return locked


def _check(
    case: Case,
    source: Case | None,
    event: Event | None,
    day: dt.date | None,
    *,
    now: dt.datetime,
) -> None:
    if source is not None:
        if source.pk == case.pk:
            raise Itself
        if source.disease_id != case.disease_id:
            raise OtherDisease
        if source.classification == Case.Classification.DISCARDED:
            raise NotACase
    if event is not None:
        day = day or current().localdate(event.starts_at)
    if day is not None and case.anchor is not None and day > case.anchor[1]:
        raise AfterOnset
    through = goes_back(case, source=source, event=event, now=now)
    if through is not None:
        raise Loop(code_of(through))


GOES_BACK = """
, start AS (
  SELECT id FROM episodes WHERE id = %(source)s
  UNION SELECT case_id FROM bringing WHERE event_id = %(event)s AND place = 1
),
up AS (
  SELECT b.case_id AS below, b.source_id FROM best b JOIN start s ON s.id = b.case_id
  UNION
  SELECT b.case_id, b.source_id FROM up JOIN best b ON b.case_id = up.source_id
)
SELECT below FROM up WHERE source_id = %(case)s
UNION ALL SELECT id FROM start WHERE id = %(case)s AND %(event)s IS NULL
"""


def goes_back(
    case: Case, *, source: Case | None, event: Event | None, now: dt.datetime
) -> UUID | None:
    """Return who, on the way up from a source, has it from the case; None where the
    way does not lead back to it."""
    around = _around(case, now=now)
    if around is None:
        return None
    found = rows(
        linked(around) + GOES_BACK,
        around.parameters()
        | {
            "case": case.pk,
            "source": source.pk if source else None,
            "event": event.pk if event else None,
        },
    )
    return found[0][0] if found else None


def _around(case: Case, *, now: dt.datetime) -> Wanted | None:
    today = current().localdate(now)
    first = case.anchor[1] if case.anchor else today
    return wanted(today=today, since=first - BACK, until=today, disease=case.disease)


# --- The investigation ----------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A case, an event or a place where a case may have caught it.

    `others` counts further cases that were there too. `said` is an official's word:
    'likely', 'rejected' or nothing.
    """

    kind: str  # 'case', 'home', 'event', 'place'
    pk: UUID | None
    name: str
    day: dt.date | None
    setting: str
    others: int
    strength: str
    said: str
    person: UUID | None = None


@dataclass(frozen=True)
class Investigation:
    """Where a case may come from; the window is its incubation period."""

    since: dt.date
    until: dt.date
    anchor_kind: str
    candidates: list[Candidate]

    @property
    def likely(self) -> Candidate | None:
        return next((one for one in self.candidates if one.said == "likely"), None)


PEOPLE = """
, stored AS (
  SELECT l.source_id, l.event_id, l.likely, l.rejected_at IS NOT NULL AS rejected,
         l.strength, l.day
  FROM contacts_sourcelink l WHERE l.case_id = %(case)s
),
own AS (
  SELECT p.id, lower(trim(p.street)) AS street, trim(p.postal_code) AS code
  FROM cases_person p WHERE p.id = %(person)s
),
named AS (
  SELECT m.case_id AS id, max(m.day) AS day, max(m.setting) AS setting
  FROM met m WHERE m.person_id = %(person)s AND m.case_id <> %(case)s
    AND m.event_id IS NULL AND m.day BETWEEN %(first)s AND %(last)s
  GROUP BY m.case_id
),
at_home AS (
  SELECT c.id, c.day FROM own
  JOIN cases_person p
    ON lower(trim(p.street)) = own.street AND trim(p.postal_code) = own.code
  JOIN episodes c ON c.person_id = p.id
  WHERE own.street <> '' AND own.code <> '' AND p.id <> own.id
    AND c.day BETWEEN %(first)s AND %(last)s
),
candidates AS (
  SELECT id FROM named UNION SELECT id FROM at_home
  UNION SELECT source_id FROM stored WHERE source_id IS NOT NULL
)
SELECT CASE WHEN n.id IS NULL AND h.id IS NOT NULL THEN 'home' ELSE 'case' END,
       c.id, COALESCE(s.day, n.day, h.day),
       COALESCE(n.setting, CASE WHEN h.id IS NOT NULL THEN 'household' ELSE '' END),
       (SELECT count(*) FROM best b WHERE b.source_id = c.id AND b.case_id <> %(case)s),
       COALESCE(s.strength, CASE WHEN n.id IS NULL THEN 'guessed' ELSE 'named' END),
       CASE WHEN s.likely THEN 'likely' WHEN s.rejected THEN 'rejected' ELSE '' END,
       k.person_id
FROM candidates c
JOIN cases_case k ON k.id = c.id
LEFT JOIN named n ON n.id = c.id
LEFT JOIN at_home h ON h.id = c.id
LEFT JOIN stored s ON s.source_id = c.id
ORDER BY 3 DESC NULLS LAST, c.id
"""
EVENTS = """
, stored AS (
  SELECT l.event_id, l.likely, l.rejected_at IS NOT NULL AS rejected, l.strength
  FROM contacts_sourcelink l WHERE l.case_id = %(case)s AND l.event_id IS NOT NULL
),
there AS (
  SELECT event_id FROM contacts_eventcase WHERE case_id = %(case)s
  UNION
  SELECT event_id FROM contacts_contact
  WHERE person_id = %(person)s AND event_id IS NOT NULL AND dismissed_at IS NULL
  UNION SELECT event_id FROM met WHERE person_id = %(person)s AND event_id IS NOT NULL
  UNION SELECT event_id FROM stored
),
with_cases AS (
  SELECT event_id, case_id FROM present
  UNION SELECT event_id, case_id FROM links WHERE event_id IS NOT NULL
)
SELECT v.id, v.name, g.day, v.setting,
       (SELECT count(DISTINCT w.case_id) FROM with_cases w
        WHERE w.event_id = v.id AND w.case_id <> %(case)s),
       CASE WHEN s.likely THEN 'likely' WHEN s.rejected THEN 'rejected' ELSE '' END
FROM there t
JOIN gathering g ON g.id = t.event_id
JOIN contacts_event v ON v.id = t.event_id
LEFT JOIN stored s ON s.event_id = v.id
WHERE g.day BETWEEN %(first)s AND %(last)s OR s.event_id IS NOT NULL
ORDER BY 5 DESC, g.day DESC, v.id
"""
PLACES = """
, visits AS (
  SELECT lower(trim(e.place)) AS place, e.day, e.setting, c.id AS case_id
  FROM contacts_exposure e
  JOIN contacts_contact k ON k.id = e.contact_id
  JOIN episodes c ON c.person_id = e.met_id OR c.person_id = k.person_id
  WHERE e.place <> '' AND e.withdrawn_at IS NULL AND e.event_id IS NULL
    AND k.dismissed_at IS NULL
),
mine AS (
  SELECT place, max(day) AS day, max(setting) AS setting FROM visits
  WHERE case_id = %(case)s AND day BETWEEN %(first)s AND %(last)s GROUP BY place
)
SELECT m.place, m.day, m.setting, count(DISTINCT o.case_id)
FROM mine m
JOIN visits o ON o.place = m.place AND o.case_id <> %(case)s
  AND o.day BETWEEN m.day - 7 AND m.day + 7
GROUP BY m.place, m.day, m.setting
ORDER BY 4 DESC, 1
"""


def investigate(case: Case, *, now: dt.datetime) -> Investigation | None:
    """Look for where a case may have caught it, within its incubation period.

    People it met, whoever lives at the same address, events, and places where other
    cases were in the same week; with what an official has said. None where neither
    onset nor specimen is known: there is no period then.
    """
    around = _around(case, now=now)
    if around is None or case.anchor is None:
        return None
    kind, anchor = case.anchor
    first, last = anchor - around.policy.incubation_days * DAY, anchor
    parameters = around.parameters() | {
        "case": case.pk, "person": case.person_id, "first": first, "last": last,
    }  # fmt: skip
    start = linked(around)
    found = [
        Candidate(kind, pk, code_of(pk), day, setting, others, strength, said, person)
        for kind, pk, day, setting, others, strength, said, person in rows(
            start + PEOPLE, parameters
        )
    ]
    found += [
        Candidate("event", pk, name, day, setting, others, "same_event", said)
        for pk, name, day, setting, others, said in rows(start + EVENTS, parameters)
    ]
    found += [
        Candidate("place", None, place, day, setting, others, "guessed", "")
        for place, day, setting, others in rows(start + PLACES, parameters)
    ]
    found.sort(key=lambda one: (one.said != "likely", one.said == "rejected"))
    return Investigation(first, last, kind, found)


# --- Possible clusters ----------------------------------------------------------------


def find_clusters(*, now: dt.datetime) -> list[Cluster]:
    """Raise 'possible cluster' at the first case of each: once, and again whenever it
    has doubled. Returns those that were raised.

    From the policy's number of cases on, within four weeks; at one address from twice
    as many on, for a family falls ill together.
    """
    today = current().localdate(now)
    raised = []
    for disease in Disease.objects.order_by("code"):
        about = wanted(today=today, since=today - TOGETHER, disease=disease)
        if about is None:
            continue
        least = max(about.policy.cluster_from, 2)
        for cluster in clusters(about, at_least=least):
            needed = 2 * least if cluster.kind == "household" else least
            if cluster.cases >= needed and _raise(cluster, needed, about, now=now):
                raised.append(cluster)
    return raised


def occasion_of(cluster: Cluster, least: int) -> str:
    """Return what a cluster is known by, anew whenever it has doubled."""
    doubled = (cluster.cases // least).bit_length() - 1
    return f"{cluster.kind}:{cluster.key}"[-54:] + f":{doubled}"


@retrying_transaction(repeatable=True)
def _raise(
    cluster: Cluster, least: int, about: Wanted, *, now: dt.datetime
) -> Escalation | None:
    occasion = occasion_of(cluster, least)
    reason = Escalation.Reason.POSSIBLE_CLUSTER
    # The first case may be another one by now: still the same cluster.
    known = EscalationOccasion.objects.filter(reason=reason, occasion=occasion)
    if known.exists():
        return None
    return escalation.raise_(
        Case.objects.get(pk=cluster.first_case),
        reason,
        occasion=occasion,
        facts={"cases": cluster.cases, "kind": cluster.kind},
        policy=about.policy,
        now=now,
    )
