"""What the pages on transmission show."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.utils.html import format_html
from django.utils.translation import gettext as _

from cases.models import Person
from contacts.models import Event, Setting, SourceLink
from contacts.transmission import figures, graph, layout, spread
from contacts.transmission.wanted import Wanted, case_of, wanted
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.charts import columns
from quarano.transmission import drawing, tables
from quarano.transmission.forms import FilterForm

DRAWN = 200  # nodes that the server draws; the browser draws more
LISTED = 200
SHORTEST = dt.timedelta(days=13)  # from the first day of a picture to its last


@dataclass(frozen=True)
class Asked:
    """What an address asks for: the filters, a chain, a chosen node."""

    form: FilterForm
    wanted: Wanted | None
    chain: str = ""
    node: str = ""
    is_plain: bool = False  # drawn by the server however large

    def query(self, **changes: str) -> str:
        """Return the address with some of it changed: 'since=…&chain=…'."""
        values = {
            key: value.isoformat() if isinstance(value, dt.date) else str(value)
            for key, value in self.form.wanted().items()
        }
        values |= {"chain": self.chain, "node": self.node}
        values |= {"draw": "plain" if self.is_plain else ""} | changes
        return urlencode({key: value for key, value in values.items() if value})

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Return the address as the fields of a form."""
        return parse_qsl(self.query(node=""))

    @property
    def is_wrong(self) -> bool:
        return bool(self.form.errors)


def asked(query: Any, *, now: dt.datetime) -> Asked:
    """Read an address or a form; what is wrong in it is not wanted, but said."""
    today = current().localdate(now)
    form = FilterForm(query, today=today)
    form.is_valid()
    return Asked(
        form=form,
        wanted=wanted(today=today, **form.wanted()),
        chain=query.get("chain", "")[:9],
        node=query.get("node", "")[:9],
        is_plain=query.get("draw") == "plain",
    )


def read(found: Asked) -> graph.Graph:
    """Return the graph that an address asks for."""
    if found.wanted is None:
        return graph.Graph()
    first = case_of(found.chain) if found.chain else None
    return graph.read(found.wanted, chain=first.pk if first else None)


def laid_out(shown: graph.Graph, wanted: Wanted) -> layout.Layout:
    """Place the nodes; days before the first of them are not drawn, two weeks are."""
    first = min((node.day for node in shown.nodes.values()), default=wanted.since)
    first = min(first - dt.timedelta(days=1), wanted.until - SHORTEST)
    return layout.lay_out(shown, since=max(wanted.since, first), until=wanted.until)


CURVES: dict[str, Callable[[], str]] = {
    "onset": lambda: _("Onsets"),
    "specimen": lambda: _("Specimens"),
    "report": lambda: _("Reports"),
}


def picture(
    found: Asked, shown: graph.Graph, *, way: Callable[[graph.Node], str] | None
) -> str:
    """Draw the graph with its curve."""
    assert found.wanted is not None
    placed, curve = laid_out(shown, found.wanted), figures.curve(found.wanted)
    days = [one for one in curve.days if one[0] >= placed.since]
    return drawing.draw(
        shown,
        placed,
        replace(curve, days=days),
        today=found.wanted.today,
        curve_label=CURVES[found.wanted.by](),
        chosen=chosen(found, shown),
        way=way,
    )


def chosen(found: Asked, shown: graph.Graph) -> UUID | None:
    """Return the node that a code in the address stands for, if it is shown."""
    return next(
        (pk for pk, node in shown.nodes.items() if node.code == found.node.upper()),
        None,
    )


def way_of(found: Asked) -> Callable[[graph.Node], str]:
    """Return where a click on a node leads."""
    return lambda node: f"?{found.query(node=node.code)}#panel"


def graph_page(found: Asked, user: User) -> dict[str, Any]:
    """Return all that the page of the graph shows."""
    context: dict[str, Any] = {"asked": found, "form": found.form}
    context["basis"] = _bases(found)
    context["setting_label"] = (
        Setting(found.wanted.setting).label
        if (found.wanted and found.wanted.setting)
        else ""
    )
    if found.wanted is None:
        return context | {"is_empty": True}
    shown = read(found)
    table = tables.of_graph(shown)
    is_large = len(shown.nodes) > DRAWN and not found.is_plain
    context |= {
        "wanted": found.wanted,
        "graph": shown,
        "is_empty": not shown.nodes,
        "is_large": is_large,
        "numbers": _numbers(shown),
        "table": table,
        "listed": table.rows[:LISTED],
        "unlisted": max(0, len(table.rows) - LISTED),
        "panel": panel(found, shown, user),
        "query": found.query(),
        "without_chain": found.query(chain="", node=""),
        "without_node": found.query(node=""),
        "all_times": found.query(since="", until="", node=""),
        "plainly": found.query(draw="plain"),
    }
    if shown.nodes and not is_large:
        context["picture"] = picture(found, shown, way=way_of(found))
    return context


def _bases(found: Asked) -> list[dict[str, Any]]:
    now = found.wanted.by if found.wanted else "onset"
    labels = {"onset": _("Onset"), "specimen": _("Specimen"), "report": _("Report")}
    return [
        {"label": label, "is_on": by == now, "query": found.query(by=by)}
        for by, label in labels.items()
    ]


def _numbers(shown: graph.Graph) -> list[dict[str, Any]]:
    cases, contacts = shown.of_kind("case"), shown.of_kind("contact")
    exposed = {one.target for one in shown.links if one.is_best}
    became = sum(1 for node in cases if node.id in exposed)
    days = {node.id: node.day for node in cases}
    gaps: dict[int, int] = {}
    for one in shown.links:
        if one.is_best and one.source in days and one.target in days:
            gap = (days[one.target] - days[one.source]).days
            gaps[gap] = gaps.get(gap, 0) + 1
    middle = spread.median(gaps)
    untold = sum(1 for node in contacts if not node.told)
    return [
        {"label": _("Cases"), "value": len(cases)},
        {"label": _("With a likely source"), "value": became},
        {"label": _("Contacts, not ill"), "value": len(contacts)},
        {
            "label": _("Median from case to case"),
            "value": _("%(n)g days") % {"n": middle} if middle is not None else "–",
        },
        {"label": _("Not yet told"), "value": untold, "is_due": bool(untold)},
    ]


@dataclass
class Panel:
    """What stands beside the graph about a chosen node."""

    node: graph.Node
    title: str
    person: Person | None = None
    event: Event | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    infected: list[dict[str, Any]] = field(default_factory=list)
    contacts: list[dict[str, Any]] = field(default_factory=list)
    people: list[UUID] = field(default_factory=list)
    may_open: bool = False


def panel(found: Asked, shown: graph.Graph, user: User) -> Panel | None:
    """Return the chosen node with its likely sources and whom it may have infected.

    Names only of people whom this official may see; others stay codes.
    """
    pk = chosen(found, shown)
    if pk is None:
        return None
    node = shown.nodes[pk]
    near = [one for one in shown.links if pk in (one.source, one.target)]
    known = _known(shown, node, near, user)
    person = known.get(node.person) if node.person else None
    view = Panel(
        node=node,
        title=person.name if person else _title(node),
        person=person,
        may_open=user.may("cases.view"),
    )
    if node.kind == "event" and view.may_open:
        view.event = Event.objects.filter(pk=pk).first()
        view.title = view.event.name if view.event else view.title
    for one in near:
        other = shown.nodes.get(one.source if one.target == pk else one.target)
        if other is None:
            continue
        row = _row(found, one, other, known)
        if one.target == pk:
            view.sources.append(row)
        elif other.kind == "contact":
            view.contacts.append(row)
        else:
            view.infected.append(row)
    view.people = list(known)
    return view


def _known(
    shown: graph.Graph, node: graph.Node, near: list[graph.Link], user: User
) -> dict[UUID, Person]:
    if not user.may("cases.view"):
        return {}
    ends = {node.id} | {one.source for one in near} | {one.target for one in near}
    nodes = [shown.nodes[pk] for pk in ends if pk in shown.nodes]
    wanted = [one.person for one in nodes if one.person is not None]
    people = Person.objects.open_to(user).filter(pk__in=wanted)
    return {person.pk: person for person in people}


def _row(
    found: Asked, link: graph.Link, other: graph.Node, known: dict[UUID, Person]
) -> dict[str, Any]:
    person = known.get(other.person) if other.person else None
    return {
        "node": other,
        "person": person,
        "label": person.name if person else _title(other),
        "day": link.day or other.day,
        "strength": SourceLink.Strength(link.strength).label,
        "setting": Setting(link.setting).label if link.setting else "",
        "is_best": link.is_best,
        "is_chosen": link.is_chosen,
        "url": ""
        if other.kind == "contact"
        else f"?{found.query(node=other.code)}#panel",
    }


def _title(node: graph.Node) -> str:
    if node.kind == "event":
        return node.kind_of_event
    kinds = {"case": _("Index case %(code)s"), "contact": _("Contact %(code)s")}
    return kinds[node.kind] % {"code": node.code}


def curve_picture(curve: figures.Curve, label: str) -> str:
    """Draw the epidemic curve alone."""
    inside = columns.day_columns(
        curve.days, parts={}, incomplete_from=curve.incomplete_from,
        incomplete=_("still incomplete"), left=36, width=920,
    )  # fmt: skip
    return format_html(
        '<svg class="chart chart--columns chart--curve"'
        ' xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 {}" role="img">'
        "<title>{}</title>{}</svg>",
        columns.HEAD + columns.HEIGHT + columns.FOOT, label, inside,
    )  # fmt: skip


def figures_page(found: Asked, user: User) -> dict[str, Any]:
    """Return all figures of the page, each as picture and table."""
    context: dict[str, Any] = {
        "asked": found, "form": found.form, "basis": _bases(found),
        "query": found.query(),
    }  # fmt: skip
    if found.wanted is None:
        return context | {"is_empty": True}
    curve = figures.curve(found.wanted)
    serial = figures.serial_intervals(found.wanted)
    offspring = figures.offspring(found.wanted)
    spreading = spread.reproduction(curve.days, until=curve.incomplete_from)
    attack = figures.secondary_attack(found.wanted)
    places = user.may("cases.view")
    clusters = figures.clusters(found.wanted)
    return context | {
        "wanted": found.wanted,
        "is_empty": not curve.total and not curve.undated,
        "curve": curve,
        "figures": [
            _figure(tables.of_curve(curve), curve_picture(curve, _curve_note(curve)),
                    note=_curve_note(curve), is_wide=True),
            _figure(tables.of_reproduction(spreading), _r_picture(spreading),
                    note=_r_note(spreading), empty=_(
                        "Too few cases with an onset for a figure: it takes at least "
                        "11 within seven days, after a first week and a half.")),
            _figure(tables.of_attack(attack), "", note=_attack_note(), empty=_(
                "No accepted exposure in this time.")),
            _figure(tables.of_serial(serial), _serial_picture(serial),
                    note=_serial_note(serial), empty=_(
                        "No pair of which both onsets are known.")),
            _figure(tables.of_offspring(offspring), _offspring_picture(offspring),
                    note=_offspring_note(offspring), empty=_(
                        "No case is old enough: whom it infected is known after ten "
                        "days.")),
            _figure(tables.of_clusters(clusters, names=places), "",
                    note=_("At an event, at the same address, or at the same place of "
                           "exposures."),
                    empty=_("No cluster in this time.")),
        ],
    }  # fmt: skip


def _figure(
    table: tables.Table, picture: str, *, note: str, empty: str = "",
    is_wide: bool = False,
) -> dict[str, Any]:  # fmt: skip
    return {
        "table": table, "picture": picture, "note": note, "empty": empty,
        "is_wide": is_wide,
    }  # fmt: skip


def coarse(count: int) -> int:
    """Return a count for a picture that leaves the house: one to four look alike."""
    return max(count, tables.SMALL - 1) if count else 0


def picture_of(name: str, wanted: Wanted) -> str:
    """Return one figure's picture for a file, columns of one to four all drawn as four;
    empty where there is none."""
    curve = figures.curve(wanted)
    if name == "curve":
        days = [(day, coarse(count)) for day, count in curve.days]
        label = CURVES[wanted.by]() + " " + _("(4 stands for 1 to 4)")
        return curve_picture(replace(curve, days=days), label)
    if name == "reproduction":
        return _r_picture(spread.reproduction(curve.days, until=curve.incomplete_from))
    if name == "serial":
        pairs = figures.serial_intervals(wanted)
        return _serial_picture({day: coarse(n) for day, n in pairs.items()})
    if name == "offspring":
        cases = figures.offspring(wanted)
        return _offspring_picture({n: coarse(count) for n, count in cases.items()})
    return ""


def _curve_note(curve: figures.Curve) -> str:
    note = _("%(n)d cases by day.") % {"n": curve.total}
    if curve.undated:
        note += " " + _("%(n)d more without such a day are not shown.") % {
            "n": curve.undated
        }
    return note


def _r_picture(found: list[spread.Reproduction]) -> str:
    if not found:
        return ""
    return columns.line_with_band(
        [(one.day, one.mean, one.low, one.high) for one in found],
        title=_("Reproduction number by day"),
        limit=1,
        limit_label=_("1: neither more nor fewer"),
    )


def _r_note(found: list[spread.Reproduction]) -> str:
    method = _(
        "How many others a case infects, by day of onset over seven days, with a "
        "95 percent credible interval. Method: Cori et al. 2013; serial interval of "
        "4.7 ± 2.9 days (Nishiura et al. 2020). Days that are still incomplete are "
        "left out."
    )
    if not found:
        return method
    last = found[-1]
    return _("Latest: %(r).2f (%(low).2f to %(high).2f).") % {
        "r": last.mean, "low": last.low, "high": last.high,
    } + f" {method}"  # fmt: skip


def _attack_note() -> str:
    return _(
        "Of the people exposed in a setting, how many became cases within the "
        "incubation period; with a 95 percent interval (Wilson 1927)."
    )


def _serial_picture(found: dict[int, int]) -> str:
    if not found:
        return ""
    shown = [
        columns.Column(str(day), found.get(day, 0))
        for day in range(min(*found, 0), max(*found, 8) + 1)
    ]
    return columns.columns(shown, title=_("Pairs by days from onset to onset"))


def _serial_note(found: dict[int, int]) -> str:
    note = _(
        "Days from the onset of the likely source to the onset of the case, pairs of "
        "which both onsets are known."
    )
    middle = spread.median(found)
    if middle is not None:
        note = _("Median %(n)g days.") % {"n": middle} + f" {note}"
    return note


def _offspring_picture(found: dict[int, int]) -> str:
    if not found:
        return ""
    shown = [columns.Column(str(n), found.get(n, 0)) for n in range(max(*found, 5) + 1)]
    return columns.columns(shown, title=_("Cases by how many they infected"))


def _offspring_note(found: dict[int, int]) -> str:
    note = _(
        "How many others a case likely infected; only cases whose day lies ten days "
        "back. Unknown links count as none, so the true numbers are higher."
    )
    k = spread.dispersion(found)
    if k is not None:
        note += " " + _(
            "k = %(k).2f (negative binomial, Lloyd-Smith et al. 2005): the smaller, "
            "the more a few cases infect most of the others."
        ) % {"k": k}
    return note
