from django.apps import AppConfig


class DiariesConfig(AppConfig):
    name = "diaries"
    label = "diaries"

    def ready(self) -> None:
        from cases import words
        from diaries import escalation
        from diaries.texts import KINDS
        from quarano.notifications import texts

        # Case work names symptoms in sentences; the catalogue lies up here.
        words.use_catalogue(escalation.names)
        texts.register(*KINDS)
