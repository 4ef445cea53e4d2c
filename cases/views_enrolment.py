"""The citizen's way in: code or link, account, notice, details, questionnaire."""

import logging
import re
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from cases import enrolment
from cases.forms_enrolment import (
    BirthDateForm,
    CodeForm,
    DetailsForm,
    QuestionnaireForm,
    RegisterForm,
    ReportForForm,
)
from cases.history import ChangedMeanwhile
from cases.models import EnrolmentCode, Monitoring, Questionnaire
from cases.words import symptom_names
from health_authorities import offices
from health_authorities.models import current
from quarano import clock
from quarano.accounts import devices, limits, logins
from quarano.accounts.access import actor, open_door, signed_in
from quarano.htmx import render_page

logger = logging.getLogger(__name__)

# As invitations write it; anything else is kept nowhere.
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
LINK, CONFIRMED = "enrolment_link", "enrolment_confirmed"
# Failed tries, over all authorities together: of one address, and of all. Where all
# together fail more often, somebody guesses from many addresses: then each has less.
OF_ONE = limits.Limit(20, 3600)
OF_ALL = limits.Limit(600, 3600)
MEANWHILE = 5
MISMATCH = "mismatch"
NOBODY = "00000000-0000-0000-0000-000000000000"


@require_safe
@open_door
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address; a mail scanner here uses nothing up."""
    if not TOKEN.fullmatch(token):
        raise Http404
    request.session[LINK] = token
    return redirect("enrolment:landing")


@require_http_methods(["GET", "HEAD", "POST"])
@open_door
def landing(request: HttpRequest) -> HttpResponse:
    """Two questions; one answer for whatever does not match, as nobody may probe."""
    now = clock.now()
    token = "" if "code" in request.GET else request.session.get(LINK, "")
    today = current().localdate(now)
    form = (BirthDateForm if token else CodeForm)(request.POST or None, today=today)
    if is_too_often(request):
        form.full_clean()
        context = {"form": form, "is_link": bool(token), "too_often": True}
        return render_page(request, "enrolment/landing.html", context, status=429)
    if form.is_valid():
        typed = form.cleaned_data
        code = (
            enrolment.look_up_token(token, now=now)
            if token
            else enrolment.look_up_code(typed["code"], now=now)
        )
        if code and enrolment.confirm_birth_date(code, typed["birth_date"], now=now):
            was_no_guess(request)
            request.session.pop(LINK, None)
            request.session[CONFIRMED] = str(code.pk)
            return redirect("enrolment:register")
        form.add_error(None, mismatch(is_link=bool(token)))
    elif form.is_bound:
        was_no_guess(request)
    context = {"form": form, "is_link": bool(token)}
    return render_page(request, "enrolment/landing.html", context, status=status(form))


def is_too_often(request: HttpRequest) -> bool:
    """Whether somebody guesses codes: from this address, or from many.

    Each try is counted before it is judged, so that many at once get no further than
    one after the other. Many addresses together slow each other down, and tell; whoever
    types a code or two is let in all the same.
    """
    if request.method != "POST":
        return False
    here = limits.count(MISMATCH, OF_ONE, key=limits.address(request))
    if here > OF_ONE.count:
        return True
    everywhere = limits.count(MISMATCH, OF_ALL)
    if everywhere == OF_ALL.count + 1:
        logger.warning("more than %s wrong codes in an hour", OF_ALL.count)
        enrolment.note_guessing(OF_ALL.count, now=clock.now())
    return everywhere > OF_ALL.count and here > MEANWHILE


def was_no_guess(request: HttpRequest) -> None:
    limits.give_back(MISMATCH, key=limits.address(request))
    limits.give_back(MISMATCH)


def mismatch(*, is_link: bool) -> str:
    if is_link:
        return _(
            "This link and birth date do not match, or the link is over. "
            "Check the date, or ask for a new code."
        )
    return _(
        "This code and birth date do not match. Check both, or ask for a new code."
    )


def status(form: Any) -> int:
    return 422 if form.is_bound and not form.is_valid() else 200


@require_safe
@open_door
def help_page(request: HttpRequest) -> HttpResponse:
    return render_page(request, "enrolment/help.html", {})


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
@open_door
def register(request: HttpRequest) -> HttpResponse:
    """Make the login; whoever has one here already keeps both diaries with it."""
    now = clock.now()
    code = confirmed(request)
    if code is None:
        return redirect("enrolment:landing")
    if request.user.is_authenticated:
        return redirect("enrolment:report_for")
    form = RegisterForm(request.POST or None, name=code.person.name)
    if form.is_valid():
        try:
            user = enrolment.register(
                code,
                **{"email": "", **form.address},
                password=form.cleaned_data["password"],
                language=get_language() or settings.LANGUAGE_CODE,
                now=now,
            )
        except enrolment.AddressInUse:
            form.add_error("login", in_use())
        except enrolment.CodeOver:
            return redirect("enrolment:landing")
        else:
            return entered(request, user)
    context = {"form": form}
    return render_page(request, "enrolment/register.html", context, status=status(form))


def confirmed(request: HttpRequest) -> EnrolmentCode | None:
    """The code whose birth date this session has confirmed, while it is good."""
    live = EnrolmentCode.objects.live(at=clock.now()).select_related("person")
    return live.filter(pk=request.session.get(CONFIRMED, NOBODY)).first()


def in_use() -> str:
    return _(
        "This opens a login here already. Use another one, or sign in with it and "
        "open your link again: then you keep both diaries with one login."
    )


def entered(request: HttpRequest, user: Any) -> HttpResponse:
    logins.begin(request, user)
    request.session.pop(CONFIRMED, None)
    way = urlencode({"next": resolve_url("enrolment:next")})
    response = redirect(f"{resolve_url('account_offer_passkey')}?{way}")
    devices.remember(request, response, user)
    return response


@require_http_methods(["GET", "POST"])
@signed_in
def report_for(request: HttpRequest) -> HttpResponse:
    """Keep another person's diary with the login that one has."""
    code = confirmed(request)
    if code is None or actor(request).is_staff:
        is_staff = actor(request).is_staff
        return render_page(request, "enrolment/not_now.html", {"is_staff": is_staff})
    form = ReportForForm(request.POST or None)
    if form.is_valid():
        try:
            enrolment.report_for(
                code, actor(request), kind=form.cleaned_data["kind"], now=clock.now()
            )
        except enrolment.CodeOver:
            return redirect("enrolment:landing")
        request.session.pop(CONFIRMED, None)
        return redirect("enrolment:next")
    context = {"form": form, "person": code.person}
    return render_page(
        request, "enrolment/report_for.html", context, status=status(form)
    )


# --- The saved steps -----------------------------------------------------------------


def waiting(request: HttpRequest) -> Monitoring | None:
    today = current().localdate(clock.now())
    return enrolment.unfinished(actor(request), on=today)


def step(name: str, monitoring: Monitoring, **context: Any) -> dict[str, Any]:
    """What each step's page shows: which it is, of how many, and about whom."""
    steps = settings.ENROLMENT_STEPS
    place = steps.index(name) + 1
    return {
        "steps": [(n, n < place, n == place) for n in range(1, len(steps) + 1)],
        "place": place,
        "person": monitoring.person,
        "monitoring": monitoring,
        **context,
    }


@require_safe
@signed_in
def next_page(request: HttpRequest) -> HttpResponse:
    """Go on where the enrolment stopped, on whatever device; else to the diary."""
    monitoring = waiting(request)
    if monitoring is None:
        return redirect("home")
    name = enrolment.next_step(actor(request), monitoring)
    return redirect(name or settings.ENROLMENT_STEPS[-1])


def onwards(request: HttpRequest, monitoring: Monitoring) -> HttpResponse:
    """After a step: the next one, or the enrolment is complete and the diary opens."""
    name = enrolment.next_step(actor(request), monitoring)
    if name is not None:
        return redirect(name)
    enrolment.complete(monitoring, by=actor(request), now=clock.now())
    if waiting(request):
        return redirect("enrolment:next")
    return redirect("diaries:today", person=monitoring.person_id)


@require_http_methods(["GET", "POST"])
@signed_in
def notice(request: HttpRequest) -> HttpResponse:
    """The notice under Art. 13 GDPR: a duty to tell, no consent."""
    monitoring = waiting(request)
    if monitoring is None:
        return redirect("home")
    if request.method == "POST":
        enrolment.acknowledge(actor(request), now=clock.now())
        return onwards(request, monitoring)
    context = step("enrolment:notice", monitoring, version=enrolment.NOTICE)
    return render_page(request, "enrolment/notice.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def details(request: HttpRequest) -> HttpResponse:
    """Address and ways to be reached; an address of another office is asked about."""
    monitoring = waiting(request)
    if monitoring is None:
        return redirect("home")
    person = monitoring.person
    form: Any = DetailsForm(request.POST or None, instance=person)
    context = step("enrolment:details", monitoring)
    if form.is_valid():
        context["elsewhere"] = elsewhere(request, form.cleaned_data["postal_code"])
        if not context["elsewhere"]:
            try:
                enrolment.save_details(
                    person, form.changes, by=actor(request), now=clock.now(),
                    version=form.cleaned_data["version"],
                )  # fmt: skip
            except ChangedMeanwhile as conflict:
                context["conflict"] = compared(form, conflict)
                form = form.renewed(conflict.version)
            else:
                return onwards(request, monitoring)
    code = 409 if "conflict" in context else 422 if form.is_bound else 200
    context["form"] = form
    return render_page(request, "enrolment/details.html", context, status=code)


def elsewhere(request: HttpRequest, postal_code: str) -> list[Any]:
    """The other offices responsible for a postal code, unless the person confirmed it.

    Nobody where we are one of them: a code can belong to several.
    """
    if request.POST.get("confirmed") == postal_code:
        return []
    found = list(offices.responsible_for(postal_code))
    if any(office.code == current().rki_code for office in found):
        return []
    return found


def compared(form: Any, conflict: ChangedMeanwhile) -> list[tuple[str, Any]]:
    """What the authority wrote meanwhile, by the label of its field."""
    return [
        (str(form.fields[name].label), value)
        for name, value in conflict.theirs.items()
        if name in form.fields
    ]


@require_http_methods(["GET", "POST"])
@signed_in
def questionnaire(request: HttpRequest) -> HttpResponse:
    monitoring = waiting(request)
    if monitoring is None:
        return redirect("home")
    answers = Questionnaire.objects.filter(monitoring=monitoring).first()
    form: Any = QuestionnaireForm(
        request.POST or None,
        instance=answers or Questionnaire(monitoring=monitoring),
        today=current().localdate(clock.now()),
        names=dict(symptom_names()),
    )
    context = step("enrolment:questionnaire", monitoring)
    if form.is_valid():
        try:
            enrolment.save_questionnaire(
                monitoring, form.changes, by=actor(request), now=clock.now(),
                version=form.cleaned_data["version"],
            )  # fmt: skip
        except ChangedMeanwhile as conflict:
            context["conflict"] = compared(form, conflict)
            form = form.renewed(conflict.version)
        else:
            return onwards(request, monitoring)
    code = 409 if "conflict" in context else status(form)
    context["form"] = form
    return render_page(request, "enrolment/questionnaire.html", context, status=code)
