"""Whom one can be in the demo, and the one password of them all."""

from quarano.outbreak.offices import Official

# Shown on the demo's page; DEMO cannot be on outside DEBUG.
PASSWORD = "neckar spree havel 21"  # noqa: S105 - shown on the page
OPERATOR = Official("Olga Petrenko", "olga@quarano.example", ("operator",), "operator")
# Citizens who have a way in of their own on the demo's page, by e-mail.
VISITED = {
    "neckartal": (
        ("ida.sommer@mail.example", "index case"),
        ("kolja.brenner@mail.example", "contact"),
        ("gulsum.aydin@mail.example", "contact, and her son's"),
    ),
    "spreetal": (("frida.holm@mail.example", "index case"),),
}
