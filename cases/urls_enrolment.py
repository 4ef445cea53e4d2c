from django.urls import path

from cases import views_enrolment as views

app_name = "enrolment"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("help/", views.help_page, name="help"),
    path("link/<str:token>/", views.link, name="link"),
    path("register/", views.register, name="register"),
    path("report-for/", views.report_for, name="report_for"),
    # The saved steps
    path("continue/", views.next_page, name="next"),
    path("notice/", views.notice, name="notice"),
    path("details/", views.details, name="details"),
    path("questionnaire/", views.questionnaire, name="questionnaire"),
]
