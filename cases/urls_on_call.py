from django.urls import path

from cases.views import on_call

app_name = "on_call"
urlpatterns = [path("<str:token>/", on_call.take, name="take")]
