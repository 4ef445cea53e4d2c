"""Where each node of the graph stands: x is time, y is the generation.

Pure and repeatable: the same graph gives the same picture.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from contacts.transmission.graph import Graph, Node

LEFT, RIGHT, TOP = 92, 16, 26
LANE, PADDING, GAP = 20, 12, 6


@dataclass(frozen=True)
class Band:
    """The strip of a generation."""

    generation: int
    top: float
    height: float
    cases: int


@dataclass
class Layout:
    """Positions by node, in user units of the picture."""

    width: float
    height: float
    since: dt.date
    until: dt.date
    places: dict[UUID, tuple[float, float]] = field(default_factory=dict)
    bands: list[Band] = field(default_factory=list)

    def x(self, day: dt.date) -> float:
        """Return the middle of a day."""
        days = (self.until - self.since).days + 1
        per_day = (self.width - LEFT - RIGHT) / days
        return round(LEFT + per_day * ((day - self.since).days + 0.5), 1)

    @property
    def per_day(self) -> float:
        days = (self.until - self.since).days + 1
        return (self.width - LEFT - RIGHT) / days


def lay_out(
    graph: Graph, *, since: dt.date, until: dt.date, width: float = 960
) -> Layout:
    """Place the nodes of a graph between two days (both included)."""
    layout = Layout(width, TOP, since, until)
    sources = {one.target: one.source for one in graph.links if one.is_best}
    generations: dict[int, list[Node]] = {}
    for node in graph.nodes.values():
        generations.setdefault(node.generation, []).append(node)
    top = float(TOP)
    for generation in sorted(generations):
        nodes = generations[generation]
        lanes = _lanes(layout, nodes, sources)
        height = lanes * LANE + PADDING
        for node in nodes:
            x, lane = layout.places[node.id]
            layout.places[node.id] = (
                x,
                round(top + PADDING / 2 + LANE * (lane + 0.5), 1),
            )
        cases = sum(node.kind == "case" for node in nodes)
        layout.bands.append(Band(generation, top, height, cases))
        top += height + GAP
    layout.height = top
    return layout


def _lanes(layout: Layout, nodes: Iterable[Node], sources: dict[UUID, UUID]) -> int:
    """Give each node of a generation the first free lane, near to its source."""

    def order(node: Node) -> tuple[float, dt.date, str, str]:
        source = sources.get(node.id)
        height = layout.places[source][1] if source in layout.places else 0.0
        return (height, node.day, node.kind, str(node.id))

    ends: list[list[float]] = []
    for node in sorted(nodes, key=order):
        x = layout.x(min(max(node.day, layout.since), layout.until))
        room = 18 if node.kind == "case" else 26 if node.kind == "event" else 14
        lane = 0
        while lane < len(ends) and any(abs(x - other) < room for other in ends[lane]):
            lane += 1
        if lane == len(ends):
            ends.append([])
        ends[lane].append(x)
        layout.places[node.id] = (x, float(lane))
    return max(len(ends), 1)
