from django.apps import AppConfig


class QuaranoConfig(AppConfig):
    name = "quarano"
    label = "quarano"

    def ready(self) -> None:
        """Count what Celery and the transactions tell."""
        from quarano.metrics import tallies  # noqa: F401 - connects by being read
