"""The list of all contacts, and what is done with many at once."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from contacts import in_bulk, lists, reading
from contacts.models import Contact, Setting
from contacts.views import taken_over_in_words
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.audit import log as audit
from quarano.htmx import render_page


@require_GET
@may("cases.view")
def index(request: HttpRequest) -> HttpResponse:
    """Show contacts, urgent first; who was shown is recorded."""
    now, by = clock.now(), actor(request)
    filters = lists.Filters.read(request.GET)
    contacts, more = lists.page(filters, user=by)
    rows = reading.rows(contacts, user=by, now=now)
    seen = {pk for one in contacts for pk in (one.met_id, one.person_id) if pk}
    if seen:
        audit.viewed(request, "contacts.viewed", now=now, shown=sorted(seen))
    context = {
        "rows": rows,
        "filters": filters,
        "tabs": _tabs(filters),
        "settings": _settings(filters),
        "urgent_query": filters.query(urgent="" if filters.urgent else "yes"),
        "more": filters.query(after=more) if more else "",
        "is_first": filters.after is None,
        "query": filters.query(),
        "all_query": lists.Filters(state="all").query(),
        "may_take_up": by.may("cases.take_up"),
        "may_order": by.may("cases.order"),
    }
    return render_page(request, "contacts/index.html", context)


def _tabs(filters: lists.Filters) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "query": filters.query(state=code),
            "is_on": code == filters.state,
        }
        for code, label in lists.STATES.items()
    ]


def _settings(filters: lists.Filters) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "query": filters.query(setting="" if code == filters.setting else code),
            "is_on": code == filters.setting,
        }
        for code, label in Setting.choices
    ]


@require_POST
@may("cases.edit")
def bulk(request: HttpRequest) -> HttpResponse:
    """Accept all that are checked, or take them over; who is left out is named."""
    now, by = clock.now(), actor(request)
    back = f"{reverse('contacts:index')}?{lists.Filters.read(request.GET).query()}"
    contacts = in_bulk.chosen(request.POST.getlist("contacts"), user=by)
    if not contacts:
        messages.error(request, _("Check at least one contact."))
    elif request.POST.get("do") == "accept":
        count = in_bulk.accept(contacts, by=by, now=now)
        messages.success(request, _accepted(count))
    elif by.may("cases.take_up"):
        issue = "issue" in request.POST and by.may("cases.order")
        channel = "" if "invite" in request.POST else "none"
        done = in_bulk.take_over(contacts, issue=issue, channel=channel, by=by, now=now)
        _say(request, done)
    return redirect(back)


def _accepted(count: int) -> str:
    return ngettext("%(n)d contact accepted.", "%(n)d contacts accepted.", count) % {
        "n": count
    }


def _say(request: HttpRequest, done: in_bulk.Done) -> None:
    """One sentence for those who were taken over, one for each who was not."""
    if done.taken:
        text = ngettext(
            "%(n)d contact taken over.", "%(n)d contacts taken over.", len(done.taken)
        )
        messages.success(request, text % {"n": len(done.taken)})
    for found in done.taken:
        if found.monitoring is None:
            _name_one(request, found.contact, taken_over_in_words(found))
    for contact, why in done.left:
        _name_one(request, contact, why)


def _name_one(request: HttpRequest, contact: Contact, why: str) -> None:
    messages.warning(
        request, _("%(name)s: %(why)s") % {"name": contact.name, "why": why}
    )
