"""Where the outbreak is played: two authorities and their staff.

Everybody is invented; the authorities' codes belong to no office of the register.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Official:
    name: str
    email: str
    roles: tuple[str, ...]
    does: str


@dataclass(frozen=True)
class Office:
    schema: str
    host: str
    name: str
    short_name: str
    rki_code: str
    federal_state: str
    city: str
    postal_codes: tuple[str, ...]
    phone: str
    staff: tuple[Official, ...]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def mail_host(self) -> str:
        return f"{self.schema}.example"


def official(name: str, schema: str, role: str, does: str) -> Official:
    folded = name.lower().replace("ö", "oe").replace("ı", "i")
    address = folded.replace("dr. ", "").replace(" ", ".") + f"@{schema}.example"
    return Official(name, address, (role,), does)


OFFICES = (
    Office(
        schema="neckartal",
        host="neckartal.localhost",
        name="Gesundheitsamt Neckartal",
        short_name="GA Neckartal",
        rki_code="1.08.9.97.",
        federal_state="08",
        city="Neckarfurt",
        postal_codes=("70001", "70002", "70003"),
        phone="07000 555 100",
        details={
            "staffed_hours": [[["08:00", "16:30"]]] * 4
            + [[["08:00", "14:00"]], [], []],
            "on_call_phone": "+491713920090",
            "on_call_phone_second": "+491713920091",
        },
        staff=(
            official("Anna Becker", "neckartal", "case_worker", "case worker"),
            official("Mara Okafor", "neckartal", "case_worker", "case worker"),
            official("Ömer Yıldız", "neckartal", "supervisor", "supervisor"),
            official("Dr. Helga Brandt", "neckartal", "physician", "physician"),
            official("Ruth Adler", "neckartal", "administrator", "administrator"),
        ),
    ),
    Office(
        schema="spreetal",
        host="spreetal.localhost",
        name="Gesundheitsamt Spreetal",
        short_name="GA Spreetal",
        rki_code="1.12.9.98.",
        federal_state="12",
        city="Spreewerder",
        postal_codes=("15001", "15002"),
        phone="03300 555 200",
        details={
            "staffed_hours": [[["07:00", "20:00"]]] * 7,
            "closed_on_holidays": False,
            "on_call_phone": "+491713920095",
        },
        staff=(
            official("Nora Lindner", "spreetal", "case_worker", "case worker"),
            official("Jan Nowak", "spreetal", "supervisor", "supervisor"),
            official("Petra Vogel", "spreetal", "administrator", "administrator"),
        ),
    ),
)
