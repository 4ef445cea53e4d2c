from django.urls import path

from quarano.oversight import views

app_name = "oversight"

urlpatterns = [
    path("alarms/", views.alarms, name="alarms"),
    path("alarms/<uuid:pk>/settle/", views.settle, name="settle"),
    path("access-log/", views.access_log, name="access_log"),
]
