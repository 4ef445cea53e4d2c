"""Which of the reminders an authority may word itself."""

from django.utils.translation import gettext_lazy as _

from quarano.notifications.texts import MAIL, SMS, Kind

LINK = frozenset({"link"})


def _reminder(rung: str, label: object) -> Kind:
    return Kind(
        f"diaries/messages/{rung}",
        label,
        channels=(MAIL, SMS),
        placeholders={"link": _("address of the diary")},
        samples={"link": "/diary/"},
        required={MAIL: LINK, SMS: LINK},
    )


KINDS = (
    _reminder("first", _("Reminder")),
    _reminder("overdue", _("Reminder, slot overdue")),
    _reminder("representative", _("Reminder to the representative")),
)
