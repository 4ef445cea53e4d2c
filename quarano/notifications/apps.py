from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "quarano.notifications"
    label = "notifications"

    def ready(self) -> None:
        from quarano.notifications import checks

        assert checks  # registered by being imported
