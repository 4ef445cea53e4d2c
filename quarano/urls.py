"""An authority's site, for officials and citizens."""

from django.conf import settings
from django.urls import include, path

from cases.views.proof import proof
from quarano import views, views_delivery
from quarano.admin import authority_admin

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.choose_language, name="set_language"),
    path("", include("quarano.desk.urls")),
    path("cases/", include("cases.urls")),
    path("enrolment/", include("cases.urls_enrolment")),
    path("on-call/", include("cases.urls_on_call")),
    path("proof/<str:token>/", proof, name="proof"),
    path("contacts/", include("contacts.urls")),
    path("events/", include("contacts.urls_events")),
    path("guest-list/", include("contacts.urls_hosts")),
    path("diary/", include("diaries.urls")),
    path("delivery/reports/sms/", views_delivery.report_sms, name="report_sms"),
    path("delivery/reports/mail/", views_delivery.report_mail, name="report_mail"),
    path("", include("quarano.transmission.urls")),
    path("texts/", include("quarano.texts.urls")),
    path("oversight/", include("quarano.oversight.urls")),
    path("account/", include("quarano.accounts.urls")),
    path("admin/", authority_admin.urls),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("quarano.demo.urls_authority")))

handler400 = "quarano.views_errors.bad_request"
handler403 = "quarano.views_errors.forbidden"
handler404 = "quarano.views_errors.not_found"
handler500 = "quarano.views_errors.server_error"
