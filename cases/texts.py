"""Which of the messages here an authority may word itself."""

from django.utils.translation import gettext_lazy as _

from quarano.notifications.texts import LETTER, MAIL, SMS, Kind

LINK = frozenset({"link"})
# A code is read out in these groups (cases.enrolment).
SPELLED = "XXXX-XXXX-XXXX-XXXXX"
ADDRESSED = {
    "name": _("name of the person"),
    "greeting": _("greeting, with the name of who reads the letter"),
}
SIGNED = {
    "signature": _("block: room for the signature, and the name"),
    "proof": _("block: QR code that proves the letter"),
}
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
    Kind(
        "cases/letters/invitation",
        _("Letter: invitation"),
        channels=(LETTER,),
        placeholders=ADDRESSED
        | {
            "until": _("last day of the code"),
            "access": _("block: address, code and QR code"),
        },
        required={LETTER: frozenset({"access"})},
    ),
    Kind(
        "cases/letters/order",
        _("Letter: order"),
        channels=(LETTER,),
        placeholders=ADDRESSED
        | SIGNED
        | {
            "title": _("isolation or quarantine, ordered, extended or lifted"),
            "decision": _("what is ordered, from when until when"),
            "duties": _("what the person has to do"),
            "start": _("first day"),
            "until": _("last day"),
            "legal_basis": _("law that the order rests on"),
            "reasons": _("reasons that the official gave"),
            "remedies": _("how to object"),
            "sum": _("block: every step of the sum"),
        },
        required={
            LETTER: frozenset(
                {"decision", "legal_basis", "sum", "remedies", "signature"}
            )
        },
        neutral=False,
    ),
    Kind(
        "cases/letters/release",
        _("Letter: certificate of the end"),
        channels=(LETTER,),
        placeholders=ADDRESSED
        | SIGNED
        | {
            "who": _("name and birth date"),
            "start": _("first day"),
            "until": _("last day"),
        },
        required={LETTER: frozenset({"who", "until", "signature", "proof"})},
    ),
)
