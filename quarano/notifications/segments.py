"""How many text messages a network makes of a text (3GPP TS 23.038 and 23.040)."""

from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Sent as escape and letter, so each counts twice.
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM_7, UCS_2 = "GSM-7", "UCS-2"
ALONE = {GSM_7: 160, UCS_2: 70}
# Each part of a longer one gives up room to say which part it is.
JOINED = {GSM_7: 153, UCS_2: 67}


@dataclass(frozen=True)
class Size:
    """What a text costs: its alphabet, the units it takes of it, and the segments."""

    alphabet: str
    units: int
    segments: int


def size(text: str) -> Size:
    """Return what a network makes of the text.

    One letter outside the GSM alphabet turns all of it into UCS-2. What takes two units
    (an extended letter, an emoji) is never parted.
    """
    if all(letter in BASIC or letter in EXTENSION for letter in text):
        alphabet = GSM_7
        widths = [2 if letter in EXTENSION else 1 for letter in text]
    else:
        alphabet = UCS_2
        widths = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    units = sum(widths)
    if units <= ALONE[alphabet]:
        return Size(alphabet, units, 1 if units else 0)
    segments, left = 1, JOINED[alphabet]
    for width in widths:
        if width > left:
            segments, left = segments + 1, JOINED[alphabet]
        left -= width
    return Size(alphabet, units, segments)
