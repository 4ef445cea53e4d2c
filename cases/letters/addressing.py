"""To whom a letter goes: the person, or who speaks for them."""

import datetime as dt

from django.db.models import Q
from django.utils.translation import gettext as _

from cases.models import Person, Reporter

# Minors are represented by their parents, German Civil Code sections 106, 1629.
OF_AGE = 18
BY_LAW = (Reporter.Kind.CUSTODY, Reporter.Kind.GUARDIAN)


def addressee(person: Person, *, on: dt.date) -> tuple[str, ...]:
    """Return the lines of the window's address, the active language's words in it."""
    return (*_names(person, on=on), *person.postal_address(on))


def _names(person: Person, *, on: dt.date) -> tuple[str, ...]:
    represented_by = representative(person, on=on)
    if represented_by:
        return (represented_by, _("for %(name)s") % {"name": person.name})
    if is_minor(person, on=on):
        return (_("To the parents of"), person.name)
    return (person.name,)


def is_minor(person: Person, *, on: dt.date) -> bool:
    """Whether somebody else speaks for this person by law, for want of years."""
    age = person.age(on)
    return age is not None and age < OF_AGE


def representative(person: Person, *, on: dt.date) -> str:
    """Return the name of a parent or guardian who reports for the person; or ''."""
    kinds = BY_LAW if is_minor(person, on=on) else BY_LAW[1:]
    found = (
        person.reporters.filter(
            Q(until__isnull=True) | Q(until__gte=on), kind__in=kinds, since__lte=on
        )
        .select_related("user")
        .order_by("since", "pk")
        .first()
    )
    return found.user.name if found else ""


def salutation(person: Person, *, on: dt.date) -> str:
    """Return the greeting, to whoever reads the letter."""
    name = representative(person, on=on)
    if not name and is_minor(person, on=on):
        return _("Dear parents of %(name)s,") % {"name": person.name}
    return _("Dear %(name)s,") % {"name": name or person.name}
