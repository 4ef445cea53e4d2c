"""Which of the messages here an authority may word itself."""

from django.utils.translation import gettext_lazy as _

from quarano.notifications.texts import MAIL, SMS, Kind

LINK = frozenset({"link"})
KINDS = (
    Kind(
        "cases/messages/invitation",
        _("Invitation"),
        channels=(MAIL, SMS),
        placeholders={
            "link": _("address of the page, made for this person"),
            "code": _("code to type in place of the link"),
        },
        required={MAIL: LINK, SMS: LINK},
    ),
)
