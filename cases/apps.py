from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "cases"
    label = "cases"

    def ready(self) -> None:
        from cases.texts import KINDS
        from quarano.notifications import texts

        texts.register(*KINDS)
