from django.apps import AppConfig


class DiariesConfig(AppConfig):
    name = "diaries"
    label = "diaries"

    def ready(self) -> None:
        from cases import words
        from diaries import escalation

        # Case work names symptoms in sentences; the catalogue lies up here.
        words.use_catalogue(escalation.names)
