"""Which office of the national register is responsible; one of the doors of tenancy."""

from dataclasses import dataclass
from typing import BinaryIO
from xml.etree import ElementTree as ET

from django.db.models import Q
from django_tenants.utils import schema_context

from health_authorities.models import HealthAuthority, Office, SearchText
from quarano.cockroach.transactions import retrying_transaction

NAMESPACE = "{http://www.rki.de/PlzToolTransmittingSiteSearchText.xsd}"
FIELDS = {
    "name": "Name",
    "department": "Department",
    "street": "Street",
    "postal_code": "Postalcode",
    "city": "Place",
    "phone": "Phone",
    "email": "Email",
    "cases_phone": "Covid19Hotline",
    "cases_email": "Covid19EMail",
}


class NotARegister(ValueError):
    """The file is not the national register of transmitting sites."""


def responsible_for(code: str) -> list[Office]:
    """Return every office to which a postal code or the name of a district belongs.

    251 codes belong to two or three offices: then the town has to be asked for. An
    unknown code gives none.
    """
    code = " ".join(code.split())
    if not code:
        return []
    with schema_context("public"):
        found = Office.objects.order_by("name", "code")
        exact = list(found.filter(search_texts__text=code).distinct())
        return exact or list(found.filter(search_texts__text__iexact=code).distinct())


def is_ours(code: str, authority: HealthAuthority) -> bool | None:
    """Whether the authority is responsible for a postal code; None: nobody knows."""
    offices = responsible_for(code)
    if not offices:
        return None
    return any(office.code == authority.rki_code for office in offices)


@dataclass(frozen=True)
class Loaded:
    entries: int
    offices: int
    texts: int
    removed: int


def read(file: BinaryIO) -> tuple[int, dict[str, Office], dict[str, set[str]]]:
    """Return the number of entries, the offices by code and their search texts.

    The register lists some offices twice or three times, alike but for their search
    texts: these are put together. Raises NotARegister.
    """
    try:
        root = ET.parse(file).getroot()  # noqa: S314 - the operator's own file
    except ET.ParseError as error:
        raise NotARegister(str(error)) from error
    if root.tag != f"{NAMESPACE}TransmittingSites":
        raise NotARegister(root.tag)
    offices: dict[str, Office] = {}
    texts: dict[str, set[str]] = {}
    sites = root.findall(f"{NAMESPACE}TransmittingSite")
    for site in sites:
        code = site.get("Code", "").strip()
        if not code:
            raise NotARegister("a site without a code")
        values = {name: site.get(key, "").strip() for name, key in FIELDS.items()}
        offices[code] = Office(code=code, **values)
        words = (
            text.get("Value", "").strip()
            for text in site.findall(f"{NAMESPACE}SearchText")
        )
        texts.setdefault(code, set()).update(word for word in words if word)
    return len(sites), offices, texts


def load(file: BinaryIO) -> Loaded:
    """Make the directory say what the register's file says; raises NotARegister.

    All of it or nothing. An office that the register no longer names goes, unless it
    is one of our authorities.
    """
    entries, offices, texts = read(file)
    return _store(entries, offices, texts)


@retrying_transaction(repeatable=True)
def _store(
    entries: int, offices: dict[str, Office], texts: dict[str, set[str]]
) -> Loaded:
    with schema_context("public"):
        ours = HealthAuthority.objects.real().values_list("rki_code", flat=True)
        _, removed = Office.objects.exclude(
            Q(code__in=list(offices)) | Q(code__in=list(ours))
        ).delete()
        Office.objects.bulk_create(
            offices.values(),
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=list(FIELDS),
        )
        by_code = {
            office.code: office for office in Office.objects.filter(code__in=offices)
        }
        SearchText.objects.filter(office__in=by_code.values()).delete()
        rows = [
            SearchText(office=by_code[code], text=text)
            for code, words in sorted(texts.items())
            for text in sorted(words)
        ]
        SearchText.objects.bulk_create(rows, batch_size=2_000)
    return Loaded(
        entries=entries,
        offices=len(offices),
        texts=len(rows),
        removed=removed.get(Office._meta.label, 0),
    )
