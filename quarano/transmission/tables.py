"""What each picture shows, as a table: on the page, and as a file.

In files without names, counts of one to four become '<5'; a share that rests on such a
count is left out, so that it cannot be computed back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from contacts.models import Setting, SourceLink
from contacts.transmission import figures, spread
from contacts.transmission.graph import Graph
from contacts.transmission.wanted import Wanted

SMALL = 5


@dataclass(frozen=True)
class Table:
    """A table with its name; `counts` are the columns that hold counts of people."""

    name: str
    title: str
    head: list[str]
    rows: list[list[Any]]
    counts: Sequence[int] = ()
    # Columns that can be computed from a count, left out with it.
    derived: Sequence[int] = ()

    def without_small(self) -> list[list[Any]]:
        """Return the rows with counts of one to four hidden, and what rests on them."""
        return [self._hidden(row) for row in self.rows]

    def _hidden(self, row: list[Any]) -> list[Any]:
        small = {n for n in self.counts if _is_small(row[n])}
        if not small:
            return row
        return [
            f"<{SMALL}" if n in small else "" if n in self.derived else cell
            for n, cell in enumerate(row)
        ]


def _is_small(count: Any) -> bool:
    return isinstance(count, int) and 0 < count < SMALL


def of_graph(graph: Graph) -> Table:
    """Cases and contacts by code: generation, day, likely source, strength."""
    best = {one.target: one for one in graph.links if one.is_best}
    nodes = sorted(
        graph.nodes.values(), key=lambda one: (one.generation, one.day, one.code)
    )
    kinds = {"case": _("index case"), "contact": _("contact"), "event": _("event")}
    rows = []
    for node in nodes:
        link = best.get(node.id)
        source = graph.nodes.get(link.source) if link else None
        told = (
            "" if node.kind != "contact" else _("told") if node.told else _("not yet")
        )
        rows.append(
            [
                node.code, kinds[node.kind], node.generation, node.day,
                source.code if source else "",
                SourceLink.Strength(link.strength).label if link and source else "",
                Setting(link.setting).label if link and link.setting else "",
                told,
            ]
        )  # fmt: skip
    head = [
        _("Code"), _("What"), _("Generation"), _("Day"), _("Likely source"),
        _("Strength"), _("Setting"), _("Told"),
    ]  # fmt: skip
    return Table("graph", _("Cases and contacts"), head, rows)


def of_curve(curve: figures.Curve) -> Table:
    rows = [
        [day, count, _("still incomplete") if day >= curve.incomplete_from else ""]
        for day, count in curve.days
    ]
    head = [_("Day"), _("Cases"), _("Note")]
    return Table("curve", _("Epidemic curve"), head, rows, counts=[1])


def of_reproduction(found: Sequence[spread.Reproduction]) -> Table:
    rows = [
        [one.day, round(one.mean, 2), round(one.low, 2), round(one.high, 2)]
        for one in found
    ]
    head = [_("Day"), _("R"), _("from"), _("to")]
    return Table("reproduction", _("Reproduction number"), head, rows)


def of_attack(found: Sequence[figures.Attack]) -> Table:
    rows = []
    for one in found:
        low, high = one.interval
        rows.append(
            [
                one.label, one.exposed, one.cases, round(100 * one.share, 1),
                round(100 * low, 1), round(100 * high, 1),
            ]
        )  # fmt: skip
    head = [
        _("Setting"),
        _("Exposed"),
        _("Of them cases"),
        _("Share, %"),
        _("from"),
        _("to"),
    ]
    return Table(
        "attack", _("Secondary attack by setting"), head, rows,
        counts=[1, 2], derived=[3, 4, 5],
    )  # fmt: skip


def of_serial(found: dict[int, int]) -> Table:
    head = [_("Days between"), _("Pairs")]
    rows = [list(row) for row in found.items()]
    return Table("serial", _("Serial interval"), head, rows, counts=[1])


def of_offspring(found: dict[int, int]) -> Table:
    head = [_("Infected"), _("Cases")]
    rows = [list(row) for row in found.items()]
    return Table("offspring", _("How many a case infected"), head, rows, counts=[1])


def of_clusters(found: Sequence[figures.Cluster], *, names: bool) -> Table:
    """Clusters, the largest first; `names` says whether places may be named."""
    kinds = {"event": _("event"), "household": _("household"), "place": _("place")}
    rows = [
        [
            kinds[one.kind],
            one.name if names and one.kind != "household" else "",
            one.cases, one.first_day, one.last_day,
        ]
        for one in found
    ]  # fmt: skip
    head = [_("Kind"), _("Where"), _("Cases"), _("First day"), _("Last day")]
    return Table("clusters", _("Clusters"), head, rows, counts=[2])


def of_figure(name: str, wanted: Wanted, *, names: bool) -> Table | None:
    """Return the table of one figure; None for a name that there is not."""
    if name == "curve":
        return of_curve(figures.curve(wanted))
    if name == "reproduction":
        curve = figures.curve(wanted)
        return of_reproduction(
            spread.reproduction(curve.days, until=curve.incomplete_from)
        )
    if name == "attack":
        return of_attack(figures.secondary_attack(wanted))
    if name == "serial":
        return of_serial(figures.serial_intervals(wanted))
    if name == "offspring":
        return of_offspring(figures.offspring(wanted))
    if name == "clusters":
        return of_clusters(figures.clusters(wanted), names=names)
    return None
