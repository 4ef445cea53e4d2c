from django.apps import AppConfig


class DiariesConfig(AppConfig):
    name = "diaries"
    label = "diaries"

    def ready(self) -> None:
        from cases import words
        from diaries import escalation

        words.use_catalogue(escalation.names)
