"""The public host: what Quarano is, the operator's admin, the demo.

`/healthz/` and `/readyz/` are answered on every host by quarano.metrics.probes.
"""

from django.conf import settings
from django.urls import include, path

from quarano import views, views_delivery
from quarano.admin import operator_admin
from quarano.metrics.views import figures

urlpatterns = [
    path("", views.landing, name="home"),
    path("metrics/", figures, name="metrics"),
    path("language/", views.choose_language, name="set_language"),
    path("delivery/reports/sms/", views_delivery.report_sms, name="report_sms"),
    path("delivery/reports/mail/", views_delivery.report_mail, name="report_mail"),
    path("account/", include("quarano.accounts.urls_public")),
    path("admin/", operator_admin.urls),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("quarano.demo.urls")))

handler400 = "quarano.views_errors.bad_request"
handler403 = "quarano.views_errors.forbidden"
handler404 = "quarano.views_errors.not_found"
handler500 = "quarano.views_errors.server_error"
