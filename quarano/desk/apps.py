from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "quarano.desk"
    label = "desk"
