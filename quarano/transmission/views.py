"""The graph, the figures, and their files."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from quarano import clock
from quarano.accounts.access import actor, may
from quarano.accounts.confirmation import freshly_confirmed
from quarano.audit import log as audit
from quarano.htmx import render_page
from quarano.sheets.writing import write
from quarano.transmission import drawing, pages, tables


@require_GET
@may("figures.view")
def graph(request: HttpRequest) -> HttpResponse:
    """Show who may have infected whom; names only of a chosen node, and recorded."""
    now = clock.now()
    asked = pages.asked(request.GET, now=now)
    context = pages.graph_page(asked, actor(request))
    panel = context.get("panel")
    if panel is not None and panel.people:
        audit.viewed(request, "transmission.opened", now=now, shown=panel.people)
    status = 422 if asked.is_wrong else 200
    return render_page(request, "transmission/graph.html", context, status=status)


@require_GET
@may("figures.view")
def elements(request: HttpRequest) -> HttpResponse:
    """The graph as numbers with positions, for the browser to draw a large one."""
    asked = pages.asked(request.GET, now=clock.now())
    if asked.wanted is None:
        return JsonResponse({"nodes": [], "links": [], "bands": []})
    shown = pages.read(asked)
    layout = pages.laid_out(shown, asked.wanted)
    return JsonResponse(drawing.elements(shown, layout, pages.way_of(asked)))


@require_GET
@may("figures.view")
def figures_page(request: HttpRequest) -> HttpResponse:
    """Show the curve, R, attack rates, serial interval, offspring, and clusters."""
    asked = pages.asked(request.GET, now=clock.now())
    context = pages.figures_page(asked, actor(request))
    status = 422 if asked.is_wrong else 200
    return render_page(request, "transmission/figures.html", context, status=status)


@require_POST
@may("figures.view")
@freshly_confirmed
def export_graph(request: HttpRequest) -> HttpResponse:
    """Hand out the graph with codes: as a table or as a picture."""
    now = clock.now()
    asked = pages.asked(request.POST, now=now)
    if asked.wanted is None or asked.is_wrong:
        return redirect("transmission:graph")
    shown = pages.read(asked)
    is_picture = request.POST.get("as") == "picture"
    codes = {"as": "svg" if is_picture else "csv", "nodes": len(shown.nodes)}
    audit.viewed(request, "transmission.exported", now=now, codes=codes)
    if is_picture:
        drawn = drawing.with_style(pages.picture(asked, shown, way=None))
        return _file(drawn, "image/svg+xml", "transmission.svg")
    table = tables.of_graph(shown)
    return _file(write(table.head, table.rows), "text/csv", "transmission.csv")


@require_POST
@may("figures.view")
@freshly_confirmed
def export_figure(request: HttpRequest, text: str) -> HttpResponse:
    """Hand out one figure, small counts hidden: as a table or as a picture."""
    now = clock.now()
    asked = pages.asked(request.POST, now=now)
    if asked.wanted is None or asked.is_wrong:
        return redirect("transmission:figures")
    is_named = actor(request).may("cases.view")
    table = tables.of_figure(text, asked.wanted, names=is_named)
    if table is None:
        return redirect("transmission:figures")
    is_picture = request.POST.get("as") == "picture"
    codes = {"as": "svg" if is_picture else "csv", "figure": text}
    audit.viewed(request, "figures.exported", now=now, codes=codes)
    if is_picture and (drawn := pages.picture_of(text, asked.wanted)):
        return _file(drawing.with_style(drawn), "image/svg+xml", f"{text}.svg")
    return _file(write(table.head, table.without_small()), "text/csv", f"{text}.csv")


def _file(text: str, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
