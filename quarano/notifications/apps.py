from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "quarano.notifications"
    label = "notifications"
