from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "quarano.demo"
    label = "demo"
