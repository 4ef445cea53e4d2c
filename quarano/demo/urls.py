"""The public host in demo mode."""

from django.urls import path

from quarano.demo import views

app_name = "demo"
urlpatterns = [
    path("progress/", views.progress, name="progress"),
    path("later/", views.later, name="later"),
    path("inbox/", views.inbox_page, name="inbox"),
    path("inbox/<str:name>/", views.letter, name="letter"),
    path("enter/", views.enter, name="enter"),
    path("way-in/<str:token>/", views.way_in, name="way_in"),
]
