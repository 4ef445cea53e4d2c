"""The graph of cases and contacts: who may have infected whom, in generations."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import formats
from django.utils.translation import gettext as _

from contacts.models import Event, SourceLink
from contacts.transmission.links import chained, episodes, linked
from contacts.transmission.wanted import Wanted, code_of, rows

MOST = 2_000

Strength = SourceLink.Strength


@dataclass(frozen=True)
class Node:
    """A case, a contact who is none, or an event, on its day and in its generation."""

    id: UUID
    kind: str  # 'case', 'contact', 'event'
    day: dt.date
    generation: int
    root: UUID | None = None
    person: UUID | None = None
    told: bool = True
    kind_of_event: str = ""

    @property
    def code(self) -> str:
        return code_of(self.id)

    @property
    def label(self) -> str:
        """Return what stands beside an event: 'school, 17 Nov'; else nothing."""
        if self.kind != "event":
            return ""
        return f"{self.kind_of_event}, {formats.date_format(self.day, _('j M'))}"


@dataclass(frozen=True)
class Link:
    """From whom (or which event) to whom; `is_best` for the likeliest one of a case."""

    source: UUID
    target: UUID
    strength: str
    setting: str = ""
    day: dt.date | None = None
    is_best: bool = True
    is_chosen: bool = False  # by an official


@dataclass
class Graph:
    """Nodes and links; `left_out` counts nodes beyond what can be shown."""

    nodes: dict[UUID, Node] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    left_out: int = 0

    def of_kind(self, kind: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind == kind]

    def chain_of(self, chosen: UUID) -> set[UUID]:
        """Return a node with its likely sources up and whom it may have infected."""
        up = {one.target: one.source for one in self.links if one.is_best}
        down: dict[UUID, list[UUID]] = {}
        for one in self.links:
            if one.is_best:
                down.setdefault(one.source, []).append(one.target)
        found, waiting = {chosen}, [chosen]
        while waiting:
            for target in down.get(waiting.pop(), []):
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        above = up.get(chosen)
        while above is not None and above not in found:
            found.add(above)
            above = up.get(above)
        return found


CASES = """
SELECT c.id, c.person_id, c.shown, COALESCE(g.generation, 0) AS generation,
       COALESCE(g.root, c.id) AS root
FROM episodes c LEFT JOIN (
  SELECT id, min(generation) AS generation, min(root::text)::uuid AS root
  FROM chain GROUP BY id
) g ON g.id = c.id
ORDER BY c.shown DESC, c.id
"""
CASES_IN_CHAIN = f"""
SELECT * FROM ({CASES.replace("ORDER BY c.shown DESC, c.id", "")}) found
WHERE root = (SELECT min(own.root::text)::uuid FROM chain own WHERE own.id = %(chain)s)
ORDER BY 3 DESC, 1
"""  # noqa: S608 - both are constants
SOURCES = """
SELECT l.case_id, l.source_id, l.event_id, l.strength, l.setting, l.day, l.place = 1,
       l.likely
FROM links l
WHERE l.source_id IS NOT NULL OR l.event_id IS NOT NULL
ORDER BY l.case_id, l.place
"""
CONTACTS = """
SELECT COALESCE(k.person_id, k.id), k.person_id, e.case_id, max(e.day), max(e.setting),
       bool_or(k.told_at IS NOT NULL OR m.told_at IS NOT NULL),
       min(e.event_id::text)::uuid
FROM episodes c
JOIN contacts_exposure e ON e.case_id = c.id
JOIN contacts_contact k ON k.id = e.contact_id
LEFT JOIN cases_case own
  ON own.person_id = k.person_id AND own.disease_id = %(disease)s
  AND own.classification <> 'discarded'
LEFT JOIN cases_monitoring m
  ON m.person_id = k.person_id AND m.disease_id = %(disease)s
  AND m.kind = 'quarantine' AND m.told_at >= k.named_at
WHERE e.withdrawn_at IS NULL AND k.dismissed_at IS NULL AND own.id IS NULL
  AND (%(setting)s = '' OR e.setting = %(setting)s)
GROUP BY COALESCE(k.person_id, k.id), k.person_id, e.case_id
ORDER BY 4 DESC, 1
"""


def read(wanted: Wanted, *, chain: UUID | None = None, most: int = MOST) -> Graph:
    """Return the graph of the wanted cases, at most `most` nodes, the newest first.

    With `chain` only the cases that may go back to the same first one as that case.
    """
    graph = Graph()
    parameters = wanted.parameters() | {"chain": chain}
    found = rows(chained(wanted) + (CASES_IN_CHAIN if chain else CASES), parameters)
    for pk, person, day, generation, root in found[:most]:
        graph.nodes[pk] = Node(pk, "case", day, generation, root, person)
    graph.left_out += max(0, len(found) - most)
    _add_sources(graph, rows(linked(wanted) + SOURCES, parameters))
    _add_contacts(graph, wanted, most)
    return graph


def _add_sources(graph: Graph, found: list[tuple[Any, ...]]) -> None:
    events = {row[2] for row in found if row[2] and row[0] in graph.nodes}
    kinds = {
        event.pk: event
        for event in Event.objects.filter(pk__in=events, discarded_at__isnull=True)
    }
    for case, source, event, strength, setting, day, is_best, likely in found:
        if case not in graph.nodes:
            continue
        if event in kinds:
            _through(graph, kinds[event], case, source, day, strength)
            graph.links.append(
                Link(event, case, strength, setting, day, is_best, likely)
            )
        elif source in graph.nodes:
            graph.links.append(
                Link(source, case, strength, setting, day, is_best, likely)
            )


def _through(
    graph: Graph,
    event: Event,
    case: UUID,
    source: UUID | None,
    day: dt.date | None,
    strength: str,
) -> None:
    """An event stands between whoever brought it and whoever caught it there."""
    if event.pk not in graph.nodes:
        brought = graph.nodes.get(source) if source else None
        generation = (
            brought.generation if brought else max(graph.nodes[case].generation - 1, 0)
        )
        graph.nodes[event.pk] = Node(
            event.pk,
            "event",
            day or event.starts_at.date(),
            generation,
            brought.root if brought else None,
            kind_of_event=str(event.get_kind_display()),
        )
    if source in graph.nodes and source is not None:
        known = any(
            one.source == source and one.target == event.pk for one in graph.links
        )
        if not known:
            graph.links.append(Link(source, event.pk, strength, day=day))


def _add_contacts(graph: Graph, wanted: Wanted, most: int) -> None:
    for pk, person, case, day, setting, told, event in rows(
        episodes(wanted) + CONTACTS, wanted.parameters()
    ):
        source = graph.nodes.get(case)
        if source is None:
            continue
        if pk not in graph.nodes:
            if len(graph.nodes) >= most:
                graph.left_out += 1
                continue
            graph.nodes[pk] = Node(
                pk, "contact", day, source.generation + 1, source.root, person, told
            )
        start = event if event in graph.nodes else case
        graph.links.append(Link(start, pk, Strength.NAMED, setting, day))
