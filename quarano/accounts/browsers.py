"""What a browser calls itself, in the two words by which its owner knows it."""

from django.utils.translation import gettext as _

# The first that is found counts: Edge and Opera call themselves Chrome, Chrome Safari.
PROGRAMS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
    ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
    ("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


def described(user_agent: str) -> str:
    """Return such as 'Firefox, Windows'; an unknown one is told to be unknown."""
    found = [
        next((name for part, name in words if part in user_agent), "")
        for words in (PROGRAMS, SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or _("unknown browser")
