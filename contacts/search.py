"""Finding contacts as people are found: see cases.search."""

from django.db.models import QuerySet

from cases import search as people
from contacts.models import Contact


def write(contact: Contact) -> None:
    """Put on the row what the contact is found by; the caller saves it."""
    numbers = [
        (number.as_e164.removeprefix("+"), str(number.national_number))
        for number in (contact.phone, contact.mobile)
        if number and hasattr(number, "as_e164")
    ]
    names = (contact.given_name, contact.family_name)
    contact.search_text = people.text_of(
        names, numbers, contact.email, contact.hint.split()
    )
    contact.search_grams = people.grams(contact.search_text)


def index(contact: Contact) -> None:
    """Write anew what the contact is found by."""
    write(contact)
    contact.save(update_fields=["search_text", "search_grams"])


def matching(rows: "QuerySet[Contact]", typed: str) -> "QuerySet[Contact]":
    """Return those in which every word of what was typed occurs, in any order."""
    for word in people.fold(typed).split():
        rows = rows.filter(search_text__contains=word)
        if len(word) >= 3:
            rows = rows.filter(search_grams__contains=people.grams(word))
    return rows
