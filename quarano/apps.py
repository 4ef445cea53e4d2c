from django.apps import AppConfig


class QuaranoConfig(AppConfig):
    name = "quarano"
    label = "quarano"
