from contacts.models.closeness import Closeness, Distance, Masks, Setting
from contacts.models.contact import CHANGED, Answer, Contact, DayStatement, Origin
from contacts.models.event import Event, EventCase, GuestList
from contacts.models.exposure import Exposure
from contacts.models.guest_row import GuestRow
from contacts.models.source import SourceLink

__all__ = [
    "CHANGED",
    "Answer",
    "Closeness",
    "Contact",
    "DayStatement",
    "Distance",
    "Event",
    "EventCase",
    "Exposure",
    "GuestList",
    "GuestRow",
    "Masks",
    "Origin",
    "Setting",
    "SourceLink",
]
