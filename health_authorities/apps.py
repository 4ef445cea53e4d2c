from django.apps import AppConfig


class HealthAuthoritiesConfig(AppConfig):
    name = "health_authorities"
    label = "health_authorities"

    def ready(self) -> None:
        from health_authorities import checks

        checks.refuse()
