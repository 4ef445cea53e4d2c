"""An authority's host in demo mode: the one-time page that signs one of the cast in."""

from django.urls import path

from quarano.demo import views

app_name = "demo"
urlpatterns = [path("way-in/<str:token>/", views.way_in, name="way_in")]
