"""Where each node of the graph stands: x is time, y is the generation.

Pure and repeatable: the same graph gives the same picture.
"""

import datetime as dt
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from contacts.transmission.graph import Graph, Node

LEFT, RIGHT, TOP = 92, 16, 26
LANE, PADDING, GAP = 20, 12, 6
# Half the room of a node; contacts stand so far beside the day they share with their
# source, so that the way to each leaves the others alone.
CASE, CONTACT, EVENT, BESIDE = 9, 7, 13, 9
LETTER = 6.4  # of a label, on average


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
    # Events whose label stands on their left.
    turned: set[UUID] = field(default_factory=set)

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
    """Give each node of a generation the first free lane, near to its source; first
    whom the source met on its own day, so that no case stands in the way."""

    def order(node: Node) -> tuple[bool, float, dt.date, str, str]:
        source = sources.get(node.id)
        height = layout.places[source][1] if source in layout.places else 0.0
        is_beside = len(_spots(layout, node, source)) > 1 and node.kind == "contact"
        return (not is_beside, height, node.day, node.kind, str(node.id))

    taken: list[list[tuple[float, float]]] = []
    for node in sorted(nodes, key=order):
        spots = _spots(layout, node, sources.get(node.id))
        lane, (x, left, right) = next(
            (lane, spot)
            for lane in itertools.count()
            for spot in spots
            if lane == len(taken) or _is_free(taken[lane], spot)
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((left, right))
        layout.places[node.id] = (x, float(lane))
        if node.kind == "event" and x - left > right - x:
            layout.turned.add(node.id)
    return max(len(taken), 1)


def _is_free(
    taken: list[tuple[float, float]], spot: tuple[float, float, float]
) -> bool:
    _x, left, right = spot
    return not any(left < end and start < right for start, end in taken)


def _spots(
    layout: Layout, node: Node, source: UUID | None
) -> list[tuple[float, float, float]]:
    """Return where a node may stand in a lane, best first: x, and its room."""
    x = layout.x(min(max(node.day, layout.since), layout.until))
    if node.kind == "event":
        label = EVENT + 3 + LETTER * len(node.label)
        spots = [(x, x - EVENT, x + label), (x, x - label, x + EVENT)]
        return spots if x + label <= layout.width - RIGHT else spots[::-1]
    half = CASE if node.kind == "case" else CONTACT
    shares_day = source in layout.places and abs(layout.places[source][0] - x) < 1
    if node.kind == "contact" and shares_day:
        return [(x + d, x + d - half, x + d + half) for d in (-BESIDE, BESIDE)]
    return [(x, x - half, x + half)]
