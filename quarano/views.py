from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from cases import enrolment
from quarano import clock
from quarano.accounts import logins
from quarano.accounts.access import LONGEST_WAY_BACK, open_door, signed_in
from quarano.desk import first_hour


@require_GET
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Send each role to its first page."""
    user = request.user
    if user.may("cases.view"):
        return redirect("desk:worklist")
    if user.may("site.administer"):
        is_new = first_hour.summary(now=clock.now()).is_shown
        return redirect("desk:first_hour" if is_new else "admin:index")
    if user.may("figures.view"):
        return redirect("transmission:graph")
    if user.may("audit.view"):
        return redirect("oversight:alarms")
    if user.is_staff:
        return render(request, "no_page_yet.html")
    return redirect("diaries:home")


@require_GET
@open_door
def landing(request: HttpRequest) -> HttpResponse:
    if settings.DEMO:
        from quarano.demo.views import landing as demo_landing

        return demo_landing(request)
    return render(request, "landing.html")


@require_POST
@open_door
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the choice in a cookie, and with the login where there is one."""
    back = request.POST.get("next", "/")
    # A path and nothing else: redirect() would also take the name of a view.
    is_ours = (
        back.startswith("/")
        and len(back) <= LONGEST_WAY_BACK
        and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    )
    response = HttpResponseRedirect(back if is_ours else "/")
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=365 * 24 * 3600,
            httponly=True,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
        if request.user.is_authenticated:
            if request.authority:
                enrolment.keep_language(
                    request.user, language=language, now=clock.now()
                )
            else:
                logins.keep_language(request.user, language=language)
    return response
