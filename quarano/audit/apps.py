from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "quarano.audit"
    label = "audit"
