"""People who may be in the file twice: found on entry and each night."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from cases import escalation
from cases.models import Escalation, EscalationOccasion, Monitoring, Person
from cases.models.person import PersonQuerySet
from cases.search import fold, spellings

Reason = Escalation.Reason
ALIKE = 0.8
# What somebody new is compared by.
COMPARED = ("given_name", "family_name", "birth_date", "phone", "mobile", "email")


def similar(
    *,
    given_name: str,
    family_name: str,
    birth_date: dt.date | None,
    phone: Any = "",
    mobile: Any = "",
    email: str = "",
    exclude: UUID | None = None,
) -> list[Person]:
    """Return people with the same birth date and a similar name, or the same phone or
    e-mail; numbers in E.164. Those recorded first come first."""
    ways = Q(pk__in=[])
    numbers = [str(number) for number in (phone, mobile) if number]
    if numbers:
        ways |= Q(phone__in=numbers) | Q(mobile__in=numbers)
    if email:
        ways |= Q(email__iexact=email)
    same_day = Q(birth_date=birth_date) if birth_date else Q(pk__in=[])
    found = _people().filter(ways | same_day).order_by("recorded_at", "pk")
    if exclude is not None:
        found = found.exclude(pk=exclude)
    reached = set(Person.objects.filter(ways).values_list("pk", flat=True))
    return [
        person
        for person in found
        if person.pk in reached
        or is_similar_name(
            (given_name, family_name), (person.given_name, person.family_name)
        )
    ]


def _people() -> PersonQuerySet:
    """Everybody but those who were followed in error only."""
    all_of = Monitoring.objects.filter(person=OuterRef("pk"))
    in_error = all_of.filter(conclusion=Monitoring.Conclusion.ERRONEOUS)
    others = all_of.exclude(conclusion=Monitoring.Conclusion.ERRONEOUS)
    found: PersonQuerySet = Person.objects.exclude(Exists(in_error) & ~Exists(others))
    return found


def is_similar_name(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two names, each given and family, may be the same person's.

    Accents, umlauts, order and double names do not matter; a slip of the pen neither.
    """
    return any(_alike(a, b) for a in _names(one) for b in _names(other))


def _names(name: tuple[str, str]) -> Iterator[frozenset[str]]:
    for spelling in {" ".join(parts) for parts in _spelt(name)}:
        yield frozenset(spelling.split())


def _spelt(name: tuple[str, str]) -> Iterator[tuple[str, str]]:
    for given in spellings(name[0]):
        for family in spellings(name[1]):
            yield given, family


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if len(one & other) >= 2:
        return True  # 'Anna Maria Schmidt' and 'Schmidt, Anna'
    texts = (" ".join(sorted(one)), " ".join(sorted(other)))
    return SequenceMatcher(None, *texts).ratio() >= ALIKE


def find_all(now: dt.datetime) -> int:
    """Raise 'possible duplicate' for each new pair; return how many.

    The one recorded later is the subject, the other's id the occasion, so that a pair
    that was settled does not come back from either side. A family on one number, each
    with another birth date and given name, is no pair.
    """
    people = list(
        _people().only(
            "given_name",
            "family_name",
            "birth_date",
            "phone",
            "mobile",
            "email",
            "recorded_at",
        )
    )
    pairs: dict[tuple[UUID, UUID], set[str]] = defaultdict(set)
    by_pk = {person.pk: person for person in people}
    for code, group in _groups(people):
        for one, other in combinations(group, 2):
            if _is_pair(code, one, other):
                older, later = sorted(
                    (one, other), key=lambda person: (person.recorded_at, person.pk)
                )
                pairs[later.pk, older.pk].add(code)
    known = set(
        EscalationOccasion.objects.filter(reason=Reason.POSSIBLE_DUPLICATE).values_list(
            "subject_id", "occasion"
        )
    )
    raised = 0
    for (later_pk, older_pk), same in sorted(pairs.items()):
        if (later_pk, str(older_pk)) in known or (older_pk, str(later_pk)) in known:
            continue
        found = escalation.raise_(
            by_pk[later_pk],
            Reason.POSSIBLE_DUPLICATE,
            occasion=str(older_pk),
            facts={"same": sorted(same), "other": str(older_pk)},
            now=now,
        )
        raised += found is not None
    return raised


def _groups(people: Iterable[Person]) -> Iterator[tuple[str, list[Person]]]:
    """People with the same value, by the code of what is the same."""
    groups: dict[tuple[str, Any], dict[UUID, Person]] = defaultdict(dict)
    for person in people:
        if person.birth_date is not None:
            groups["birth_date", person.birth_date][person.pk] = person
        for number in (person.phone, person.mobile):
            if number:
                groups["phone", number.as_e164][person.pk] = person
        if person.email:
            groups["email", person.email.lower()][person.pk] = person
    for (code, _value), group in groups.items():
        if len(group) > 1:
            yield code, list(group.values())


def _is_pair(code: str, one: Person, other: Person) -> bool:
    names = (one.given_name, one.family_name), (other.given_name, other.family_name)
    if code == "birth_date":
        return is_similar_name(*names)
    born = (one.birth_date, other.birth_date)
    family = None not in born and born[0] != born[1]
    return not family or fold(one.given_name) == fold(other.given_name)
