from django.apps import AppConfig


class HealthAuthoritiesConfig(AppConfig):
    name = "health_authorities"
    label = "health_authorities"
