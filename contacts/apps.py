from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "contacts"
    label = "contacts"

    def ready(self) -> None:
        # The first moves days, the second weighs them.
        from contacts import redating  # noqa: F401, I001 - connects it
        from contacts import receivers  # noqa: F401 - connects them
