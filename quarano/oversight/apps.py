from django.apps import AppConfig


class OversightConfig(AppConfig):
    name = "quarano.oversight"
    label = "oversight"
