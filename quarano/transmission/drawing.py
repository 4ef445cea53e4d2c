"""The graph as a picture: x is time, y the generation, the curve below on the same x.

Filled = case, ring = contact, dashed = not yet told, square = event. Codes, no names.
"""

import datetime as dt
import math
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.transmission.figures import Curve
from contacts.transmission.graph import Graph, Link, Node
from contacts.transmission.layout import BESIDE, EVENT, LEFT, RIGHT, Layout
from quarano.charts import columns

# Inside a picture that leaves the house: the sheet of the page does not go with it.
STYLE = """
svg{background:#fff;font:12px 'Fira Sans',system-ui,sans-serif}
.tx__band{fill:#f3f4f7}.tx__name{font-weight:600}text{fill:#131525}
.tx__count,.chart__day{fill:#50557a}.tx__link{fill:none;stroke:#8085ab;stroke-width:1.2}
.tx__link--guessed{stroke-dasharray:5 3}.tx__link--other{stroke-dasharray:1 3}
.tx__link--lit{stroke:#2044aa;stroke-width:2.4}.tx__node--case{fill:#5b6ba8}
.tx__node--contact{fill:#fff;stroke:#5b6ba8;stroke-width:1.8}
.tx__node--untold{fill:#fff;stroke:#5b6ba8;stroke-width:1.8;stroke-dasharray:2.5 2.5}
.tx__node--event{fill:#fff0d0;stroke:#8a4b00;stroke-width:1.8}
.tx__today{stroke:#50557a;stroke-dasharray:3 3}
.chart__grid{stroke:#dfe1ec}.chart__column{stroke:#5b6ba8}
.chart__column--whole{fill:#cdd3ea}.chart__column--part{fill:#5b6ba8}
.chart__incomplete{fill:#f3f4f7}.chart__curve{fill:none;stroke:#5b6ba8;stroke-width:2}
.chart__interval{fill:#cdd3ea}.chart__limit{stroke:#b3120c;stroke-dasharray:5 3}
"""


def with_style(picture: str) -> str:
    """Return a picture that stands on its own, for a file."""
    head, _mark, rest = picture.partition(">")
    if "xmlns=" not in head:
        head = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{head}><style>{STYLE}</style>{rest}"


def draw(
    graph: Graph,
    layout: Layout,
    curve: Curve,
    *,
    today: dt.date,
    curve_label: str,
    chosen: UUID | None = None,
    way: Callable[[Node], str] | None = None,
) -> SafeString:
    """Draw the graph with its curve; `way` gives the address behind a node."""
    lit = graph.chain_of(chosen) if chosen in graph.nodes and chosen else set()
    bottom = layout.height + 10
    high = bottom + columns.HEAD + columns.HEIGHT + columns.FOOT
    inside = [
        _bands(layout),
        _today(layout, today, bottom),
        _links(graph, layout, lit),
        _nodes(graph, layout, lit, chosen, way),
        format_html(
            '<text class="tx__name" x="0" y="{}">{}</text>', bottom + 11, curve_label
        ),
        columns.day_columns(
            curve.days,
            parts=_in_graph(graph),
            incomplete_from=curve.incomplete_from,
            incomplete=_("still incomplete"),
            left=LEFT,
            width=layout.width - RIGHT,
            top=bottom,
        ),
    ]
    return format_html(
        '<svg class="tx" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>',
        round(layout.width),
        round(high),
        _described(graph),
        format_html_join("", "{}", ((one,) for one in inside)),
    )


def _described(graph: Graph) -> str:
    return _(
        "%(cases)d cases and %(contacts)d contacts in time, by generation; the same as "
        "a table below."
    ) % {"cases": len(graph.of_kind("case")), "contacts": len(graph.of_kind("contact"))}


def _in_graph(graph: Graph) -> dict[dt.date, int]:
    """Of each day, the cases that belong to a chain."""
    chained = {one.target for one in graph.links} | {one.source for one in graph.links}
    found: dict[dt.date, int] = {}
    for node in graph.of_kind("case"):
        if node.id in chained:
            found[node.day] = found.get(node.day, 0) + 1
    return found


def _bands(layout: Layout) -> SafeString:
    return format_html_join(
        "",
        '<rect class="tx__band" x="{}" y="{}" width="{}" height="{}" rx="4"/>'
        '<text class="tx__name" x="0" y="{}">{}</text>'
        '<text class="tx__count" x="0" y="{}">{}</text>',
        (
            (
                LEFT, round(band.top, 1), layout.width - LEFT - RIGHT,
                round(band.height, 1), round(band.top + 14, 1),
                _("Gen. %(n)d") % {"n": band.generation},
                round(band.top + 29, 1),
                ngettext("%(n)d case", "%(n)d cases", band.cases) % {"n": band.cases}
                if band.cases
                else _("none yet"),
            )
            for band in layout.bands
        ),
    )  # fmt: skip


def _today(layout: Layout, today: dt.date, bottom: float) -> SafeString:
    if not layout.since <= today <= layout.until:
        return SafeString("")
    x = layout.x(today)
    return format_html(
        '<line class="tx__today" x1="{0}" y1="18" x2="{0}" y2="{1}"/>'
        '<text class="tx__name" x="{0}" y="12" text-anchor="end">{2}</text>',
        x, round(bottom + columns.HEAD + columns.HEIGHT, 1), _("today"),
    )  # fmt: skip


def _links(graph: Graph, layout: Layout, lit: set[UUID]) -> SafeString:
    drawn = []
    for one in sorted(graph.links, key=lambda link: _is_lit(link, lit)):
        if one.source not in layout.places or one.target not in layout.places:
            continue
        (x, y), (to_x, to_y) = layout.places[one.source], layout.places[one.target]
        middle = round((x + to_x) / 2, 1)
        kind = "guessed" if one.strength == "guessed" else "named"
        classes = f"tx__link--{kind if one.is_best else 'other'}"
        if _is_lit(one, lit):
            classes += " tx__link--lit"
        path = f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"
        if abs(to_x - x) <= BESIDE:  # the same day: down the middle, then aside
            path = f"M{x} {y}V{to_y - 8}Q{x} {to_y} {to_x} {to_y}"
        drawn.append((classes, path))
    return format_html_join("", '<path class="tx__link {}" d="{}"/>', drawn)


def _is_lit(link: Link, lit: set[UUID]) -> bool:
    return link.is_best and link.source in lit and link.target in lit


def _nodes(
    graph: Graph,
    layout: Layout,
    lit: set[UUID],
    chosen: UUID | None,
    way: Callable[[Node], str] | None,
) -> SafeString:
    drawn = []
    ordered = sorted(
        graph.nodes.values(), key=lambda one: (one.generation, one.day, str(one.id))
    )
    for node in ordered:
        x, y = layout.places[node.id]
        shape = _shape(node, x, y)
        ring = (
            format_html('<circle class="tx__chosen" cx="{}" cy="{}" r="12"/>', x, y)
            if node.id == chosen
            else ""
        )
        label = (
            format_html(
                '<text class="tx__label" x="{}" y="{}" text-anchor="{}">{}</text>',
                x - EVENT - 3 if node.id in layout.turned else x + EVENT + 3,
                y + 4,
                "end" if node.id in layout.turned else "start",
                node.label,
            )
            if node.kind == "event"
            else ""
        )
        inside = format_html(
            "<title>{}</title>{}{}{}", name_of(node), ring, shape, label
        )
        if way is None or node.kind == "contact":
            drawn.append(format_html("<g>{}</g>", inside))
        else:
            drawn.append(
                format_html(
                    '<a class="tx__way{}" href="{}" aria-label="{}">{}</a>',
                    " tx__way--lit" if node.id in lit else "",
                    way(node),
                    name_of(node),
                    inside,
                )
            )
    return format_html_join("", "{}", ((one,) for one in drawn))


def _shape(node: Node, x: float, y: float) -> SafeString:
    if node.kind == "event":
        return format_html(
            '<rect class="tx__node--event" x="{}" y="{}" width="16" height="16"'
            ' rx="3"/>',
            round(x - 8, 1), round(y - 8, 1),
        )  # fmt: skip
    if node.kind == "case":
        return format_html(
            '<circle class="tx__node--case" cx="{}" cy="{}" r="7"/>', x, y
        )
    kind = "contact" if node.told else "untold"
    return format_html(
        '<circle class="tx__node--{}" cx="{}" cy="{}" r="5"/>', kind, x, y
    )


def name_of(node: Node) -> str:
    """Say what a node is: its kind, code and day, never a name."""
    kinds = {
        "case": _("index case %(code)s"),
        "contact": _("contact %(code)s, told")
        if node.told
        else _("contact %(code)s, not told yet"),
        "event": _("event %(code)s"),
    }
    what = kinds[node.kind] % {"code": node.code}
    return f"{what}, {formats.date_format(node.day, _('j M'))}"


def elements(
    graph: Graph, layout: Layout, way: Callable[[Node], str]
) -> dict[str, Any]:
    """Return the same picture as numbers, for the browser to draw large ones."""
    nodes: list[dict[str, object]] = []
    numbers = {pk: place for place, pk in enumerate(graph.nodes)}
    for node in graph.nodes.values():
        x, y = layout.places[node.id]
        kind = "untold" if node.kind == "contact" and not node.told else node.kind
        nodes.append(
            {
                "id": numbers[node.id], "x": x, "y": y, "kind": kind,
                "name": name_of(node),
                "way": way(node) if node.kind != "contact" else "",
            }
        )  # fmt: skip
    links = [
        [
            numbers[one.source],
            numbers[one.target],
            "other" if not one.is_best else one.strength,
        ]
        for one in graph.links
        if one.source in numbers and one.target in numbers
    ]
    bands = [
        [
            _("Gen. %(n)d") % {"n": band.generation},
            math.floor(band.top),
            math.ceil(band.height),
        ]
        for band in layout.bands
    ]
    return {
        "nodes": nodes, "links": links, "bands": bands, "width": layout.width,
        "left": LEFT,
    }  # fmt: skip
