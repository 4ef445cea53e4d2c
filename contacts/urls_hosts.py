from django.urls import path

from contacts import views_hosts as hosts

app_name = "hosts"
urlpatterns = [
    path("", hosts.landing, name="landing"),
    path("names/", hosts.hand_in, name="hand_in"),
    path("<str:token>/", hosts.link, name="link"),
]
