"""Which of the messages here an authority may word itself."""

from django.utils.translation import gettext_lazy as _

from quarano.notifications.texts import MAIL, SMS, Kind

LINK = frozenset({"link"})
# A code is read out in these groups (cases.enrolment).
SPELLED = "XXXX-XXXX-XXXX-XXXXX"
KINDS = (
    Kind(
        "cases/messages/invitation",
        _("Invitation"),
        channels=(MAIL, SMS),
        placeholders={
            "link": _("address of the page, made for this person"),
            "code": _("code to type in place of the link"),
        },
        samples={"link": "/enrolment/link/" + "x" * 43 + "/", "code": SPELLED},
        required={MAIL: LINK, SMS: LINK},
    ),
)
