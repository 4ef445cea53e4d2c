from django.urls import path

from quarano.texts import views

app_name = "texts"

urlpatterns = [
    path("", views.index, name="index"),
    path("mail/", views.mail, name="mail"),
    path("<slug:text>/", views.text, name="text"),
]
