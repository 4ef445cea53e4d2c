"""Where an authority words its messages and letters."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from cases import search
from cases.models import Person
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.accounts.confirmation import ask_first
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.htmx import render_page
from quarano.notifications import dns, texts
from quarano.notifications.models import Message, TextVersion
from quarano.texts import samples, trial
from quarano.texts.forms import ReaderForm, TextForm

CHANNELS = {
    texts.MAIL: "mail",
    texts.SMS: "message",
    texts.LETTER: "document",
}


@dataclass(frozen=True)
class Wanted:
    """The text that an address names."""

    kind: texts.Kind
    channel: str
    language: str

    @property
    def place(self) -> tuple[str, str, str]:
        return self.kind.template, self.channel, self.language

    @property
    def slug(self) -> str:
        name = self.kind.template.replace("/messages/", "-").replace("/", "-")
        return f"{name}-{self.channel}-{self.language}"

    @property
    def url(self) -> str:
        return reverse("texts:text", args=[self.slug])

    @property
    def icon(self) -> str:
        return CHANNELS.get(self.channel, "document")

    @property
    def channel_name(self) -> str:
        names = {**dict(Message.Channel.choices), texts.LETTER: _("letter")}
        return str(names.get(self.channel, self.channel))

    @property
    def language_name(self) -> str:
        return str(dict(settings.LANGUAGES)[self.language])


def every_text() -> list[Wanted]:
    """Return all texts that may be worded, in the order in which people get them."""
    return [
        Wanted(kind, channel, language)
        for kind in texts.KINDS.values()
        for channel in kind.channels
        for language, _name in settings.LANGUAGES
    ]


@require_GET
@may("texts.edit")
def index(request: HttpRequest) -> HttpResponse:
    """Every text, which wording is in use, and what a text message costs."""
    newest = {
        (one.template, one.channel, one.language): one
        for one in TextVersion.objects.order_by("number")
    }
    names = _names(newest.values())
    rows = []
    for wanted in every_text():
        own = newest.get(wanted.place)
        source = own.source if own and own.source else texts.shipped(*wanted.place)
        shown = samples.sample(wanted.kind, wanted.channel, source, current())
        who = names.get(own.written_by) if own else None
        rows.append({"wanted": wanted, "own": own, "sample": shown, "who": who})
    return render_page(request, "texts/index.html", {"rows": rows})


def _names(versions: Any) -> dict[Any, str]:
    """The names of those who wrote the versions, in one statement."""
    writers = {one.written_by for one in versions}
    return dict(User.objects.filter(pk__in=writers).values_list("pk", "name"))


@require_http_methods(["GET", "POST"])
@may("texts.edit")
def text(request: HttpRequest, text: str) -> HttpResponse:
    """One text: word it, look at it, try it, put it into use, see what it was."""
    wanted = next((one for one in every_text() if one.slug == text), None)
    if wanted is None:
        raise Http404
    if request.method == "POST":
        done = DOINGS.get(request.POST.get("do", ""), _preview)
        # What people read changes with it; looking and trying change nothing.
        asked = ask_first(request) if done in CHANGES else None
        return asked or done(request, wanted)
    return _page(request, wanted, _form(request, wanted))


def _form(request: HttpRequest, wanted: Wanted, data: Any = None) -> TextForm:
    """The form with what was typed, or with the version that the address asks for."""
    in_use = _in_use(wanted)
    older = request.GET.get("version", "")
    shown = in_use
    if older.isdecimal() and len(older) < 6 and 0 < int(older) <= int(in_use.version):
        shown = texts.read(*wanted.place, older)
    return TextForm(
        data,
        kind=wanted.kind,
        channel=wanted.channel,
        text=texts.Text(shown.source, in_use.version),
        authority=current(),
    )


def _in_use(wanted: Wanted) -> texts.Text:
    """Past what is remembered: whoever edits must see the last word."""
    newest = texts.history(*wanted.place).first()
    number = str(newest.number) if newest else texts.SHIPPED
    return texts.read(*wanted.place, number)


def _reader_form(request: HttpRequest) -> ReaderForm | None:
    """For whoever may see people; what was typed stays."""
    if not request.user.may("cases.view"):
        return None
    return ReaderForm(initial={"reader": request.POST.get("reader", "")[:200]})


def _page(
    request: HttpRequest, wanted: Wanted, form: TextForm, **more: Any
) -> HttpResponse:
    versions = list(texts.history(*wanted.place)[:30])
    context = {
        "wanted": wanted,
        "form": form,
        "reader_form": _reader_form(request),
        "sample": samples.sample(wanted.kind, wanted.channel, form.source, current()),
        "allowed": wanted.kind.allowed,
        "required": wanted.kind.required.get(wanted.channel, ()),
        "versions": [(one, _names(versions).get(one.written_by)) for one in versions],
        "is_shipped": not versions or not versions[0].source,
        "address": trial.address(actor(request), wanted.channel)
        if wanted.channel != texts.LETTER
        else "",
        "most": settings.SMS_MOST_SEGMENTS,
        **more,
    }
    status = 422 if form.errors or more.get("reader_error") else 200
    return render_page(request, "texts/text.html", context, status=status)


def _save(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    form = _form(request, wanted, request.POST)
    if not form.is_valid():
        return _page(request, wanted, form)
    try:
        texts.revise(
            *wanted.place,
            source=form.source,
            based_on=form.cleaned_data["version"],
            by=actor(request),
            now=clock.now(),
        )
    except texts.Outdated as error:
        return _outdated(request, wanted, form, error.current)
    except texts.Unchanged:
        messages.info(request, _("It says that already."))
    else:
        messages.success(request, _("In use from now on."))
    return redirect(wanted.url)


def _outdated(
    request: HttpRequest, wanted: Wanted, form: TextForm, newest: texts.Text
) -> HttpResponse:
    """Show both; saving once more replaces what was just read."""
    form.add_error(None, _("Somebody else has saved this text meanwhile."))
    typed = request.POST.copy()
    typed["version"] = newest.version
    form.data = typed
    return _page(request, wanted, form, newest=newest)


def _restore(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    based_on = request.POST.get("version", "")
    try:
        texts.restore(
            *wanted.place, based_on=based_on, by=actor(request), now=clock.now()
        )
    except texts.Outdated as error:
        return _outdated(
            request, wanted, _form(request, wanted, request.POST), error.current
        )
    except texts.Unchanged:
        messages.info(request, _("The shipped text is in use already."))
    else:
        messages.success(request, _("The shipped text is in use again."))
    return redirect(wanted.url)


def _preview(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    """Show the text as typed; with a name, as that person gets it: that is a view."""
    form = _form(request, wanted, request.POST)
    form.is_valid()
    asked = request.POST.get("reader", "").strip()[:200]
    if not asked or not request.user.may("cases.view"):
        return _page(request, wanted, form, is_preview=True)
    people = Person.objects.open_to(request.user)
    reader = people.filter(pk__in=search.find(asked).order_by().values("pk"))[:1]
    if not reader:
        return _page(request, wanted, form, is_preview=True, reader_error=asked)
    found = reader[0]
    audit.viewed(request, "text.viewed", now=clock.now(), person=found)
    gets = {
        "reader": found,
        "address": found.address_for(wanted.channel)
        if wanted.channel != texts.LETTER
        else "",
        "is_language": texts.language_of(found.language) == wanted.language,
        "is_channel": wanted.channel in found.channels,
    }
    return _page(request, wanted, form, is_preview=True, gets=gets)


def _try(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    form = _form(request, wanted, request.POST)
    if not form.is_valid():
        return _page(request, wanted, form)
    me, channel = actor(request), wanted.channel
    filled = samples.fill(wanted.kind, channel, form.source, current())
    try:
        trial.send(
            me, text=filled, channel=channel, of=wanted.kind.template, by=me,
            now=clock.now(),
        )  # fmt: skip
    except trial.NoAddress:
        form.add_error(None, _("Your account has no address of this kind."))
        return _page(request, wanted, form)
    messages.success(
        request,
        _("On its way to %(address)s.") % {"address": trial.address(me, channel)},
    )
    return _page(request, wanted, form, is_preview=True)


DOINGS = {"save": _save, "restore": _restore, "try": _try, "preview": _preview}
CHANGES = (_save, _restore)


@require_GET
@may("texts.edit")
def mail(request: HttpRequest) -> HttpResponse:
    """What the domain's records have to say, so that our mail is believed."""
    records = dns.records(current())
    context = {"records": records, "hints": dns.hints(current())}
    return render_page(request, "texts/mail.html", context)
