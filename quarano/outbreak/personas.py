"""The invented people of the outbreak."""

import datetime as dt
import unicodedata
from dataclasses import dataclass

# The end of a number that does not exist any more: the demo's gateway reports it so.
NEVER_ARRIVES = "99"
# What decomposition does not take apart.
PLAIN = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "ı": "i"})


@dataclass(frozen=True)
class Persona:
    given: str
    family: str
    born: str
    arrives: int  # whole days before today on which the authority hears of them
    course: str = "mild"
    kind: str = "case"  # or contact
    anchor: int = 2  # days before arrival of onset, specimen or last exposure
    onset: str = "date"
    mail: bool = True
    mobile: bool = True
    habit: float = 0.9  # share of slots that they write
    stops: int | None = None  # day since arrival after which they write nothing
    registers: bool = True
    by_phone: bool = False
    alone: bool = False
    household: bool = False
    language: str = "de"
    setting: str = ""
    called: bool = True
    order: bool = True
    decided: bool = True  # an official decides at the end
    refuses_mail: bool = False
    loses_sms: bool = False  # the number does not exist any more
    parent: str = ""  # slug of the one who keeps this diary

    @property
    def slug(self) -> str:
        words = f"{self.given}.{self.family}".lower().translate(PLAIN)
        apart = unicodedata.normalize("NFKD", words).replace(" ", "-")
        return "".join(sign for sign in apart if sign.isascii() and sign != "'")

    @property
    def email(self) -> str:
        host = "refused.example" if self.refuses_mail else "mail.example"
        return f"{self.slug}@{host}"

    @property
    def birth_date(self) -> dt.date:
        return dt.date.fromisoformat(self.born)


NECKARTAL = (
    # Those whom the demo's page introduces.
    Persona("Ida", "Sommer", "1988-04-12", 3, "moderate", anchor=2, habit=1.0),
    Persona("Kolja", "Brenner", "1994-09-30", 5, "well", "contact", 1, habit=1.0),
    # Today's and yesterday's: worklist in the morning.
    Persona(
        "Oksana",
        "Tkachenko",
        "1967-11-03",
        1,
        anchor=3,
        language="uk",
        called=False,
        registers=False,
    ),
    Persona(
        "Nguyễn Thị",
        "Hoa",
        "1979-06-21",
        0,
        anchor=2,
        called=False,
        registers=False,
        order=False,
    ),
    Persona(
        "Fatemeh",
        "Rahimi",
        "1999-01-08",
        0,
        anchor=1,
        onset="none",
        called=False,
        registers=False,
        order=False,
    ),
    Persona(
        "Håkon",
        "Østby",
        "1981-07-17",
        0,
        anchor=2,
        onset="unknown",
        called=False,
        registers=False,
        order=False,
    ),
    # In the thick of it.
    Persona(
        "Bogdan",
        "Petrescu",
        "1955-02-14",
        5,
        "hard",
        anchor=1,
        alone=True,
        habit=1.0,
        language="ro",
    ),
    Persona(
        "Leyla", "Aydın", "1992-03-02", 6, "falls_ill", "contact", 0, language="tr"
    ),
    Persona(
        "Zofia",
        "Łukaszewska",
        "1944-10-05",
        8,
        "mild",
        anchor=2,
        alone=True,
        stops=5,
        language="pl",
    ),
    Persona("Amadou", "Diallo", "1996-12-19", 4, "hard", anchor=1),
    Persona("Siobhán", "O'Reilly", "1963-05-27", 9, "moderate", anchor=2, stops=6),
    Persona(
        "Giovanni", "D'Angelo-Kraus", "1974-08-09", 8, "lingering", anchor=2, habit=1.0
    ),
    Persona(
        "Bernd",
        "Kowalski",
        "1951-03-31",
        6,
        "moderate",
        anchor=2,
        by_phone=True,
        mail=False,
        habit=0.8,
    ),
    Persona("Marlene", "Vogt", "1990-02-11", 7, "moderate", anchor=3),
    Persona("Tomasz", "Wiśniewski", "1985-06-06", 9, "mild", anchor=2),
    Persona(
        "Gülsüm",
        "Aydın",
        "1986-01-20",
        5,
        "well",
        "contact",
        1,
        household=True,
        habit=1.0,
    ),
    Persona(
        "Deniz",
        "Aydın",
        "2018-05-14",
        5,
        "well",
        "contact",
        1,
        household=True,
        mail=False,
        parent="gulsum.aydin",
    ),
    Persona(
        "Emre",
        "Şahin",
        "2001-10-10",
        2,
        "mild",
        anchor=2,
        refuses_mail=True,
        mobile=False,
        registers=False,
    ),
    Persona("Lotte", "Hansen", "1971-09-09", 2, "mild", anchor=1, registers=False),
    Persona("Yusuf", "Demirci", "1983-12-01", 3, "falls_ill", "contact", 4),
    Persona("Chiara", "Rossi", "1997-04-25", 4, "moderate", anchor=2, setting="care"),
    Persona(
        "Dmytro",
        "Shevchenko",
        "1989-11-11",
        11,
        "mild",
        anchor=0,
        decided=False,
        stops=4,
        language="uk",
    ),
    Persona(
        "Helene", "Großmann", "1948-07-07", 7, "no_thermometer", anchor=2, alone=True
    ),
    Persona("Kwame", "Mensah", "1993-03-15", 6, "well", "contact", 2),
    Persona("Ingrid", "Sørensen", "1966-06-30", 8, "well", "contact", 1),
    Persona("Pavel", "Novák", "1978-02-02", 7, "moderate", anchor=1),
    Persona("Amina", "Hassan", "2004-08-21", 3, "mild", anchor=1, language="ar"),
    Persona("Jürgen", "Weiß", "1957-05-05", 9, "lingering", anchor=1, habit=1.0),
    # The same man, reported twice.
    Persona(
        "Tomasz",
        "Wisniewski",
        "1985-06-06",
        1,
        "mild",
        anchor=2,
        mail=False,
        registers=False,
        loses_sms=True,
    ),
    # Over by now.
    Persona("Clara", "Neumann", "1986-10-28", 20, "mild", anchor=2, habit=1.0),
    Persona("Felix", "Maurer", "1991-01-31", 19, "moderate", anchor=3, habit=1.0),
    Persona("Rosa", "Castellano", "1969-12-12", 19, "mild", anchor=2, habit=1.0),
    Persona("Anton", "Bauer", "1953-04-04", 18, "moderate", anchor=2),
    Persona("Selin", "Kaya", "1998-06-18", 17, "well", "contact", 1, habit=1.0),
    Persona("Mateusz", "Zieliński", "1980-09-23", 16, "mild", anchor=2, habit=1.0),
    Persona("Birgit", "Schäfer", "1964-03-08", 16, "well", "contact", 2, habit=1.0),
    Persona("Olu", "Adeyemi", "1987-07-29", 15, "moderate", anchor=1),
    Persona("Katharina", "Lindqvist", "1975-05-16", 14, "mild", anchor=1, habit=1.0),
    Persona("Viktor", "Sokolow", "1960-08-13", 14, "mild", anchor=2, language="ru"),
    Persona("Marie", "Dubois", "2000-02-29", 13, "well", "contact", 1, habit=1.0),
    Persona("Ahmed", "Youssef", "1984-11-24", 12, "mild", anchor=2, habit=1.0),
)
SPREETAL = (
    Persona("Frida", "Holm", "1990-06-01", 4, "moderate", anchor=2, habit=1.0),
    Persona(
        "Jonas",
        "Krüger",
        "1977-01-19",
        0,
        anchor=2,
        called=False,
        registers=False,
        order=False,
    ),
    Persona("Elif", "Yılmaz", "1995-03-27", 1, anchor=1, called=False, registers=False),
    Persona("Paul", "Lehmann", "1949-09-14", 6, "hard", anchor=1, alone=True),
    Persona("Sofia", "Papadopoulou", "1982-12-08", 5, "well", "contact", 1),
    Persona("Mehdi", "Karimi", "1988-05-02", 7, "moderate", anchor=1, stops=4),
    Persona(
        "Ursula",
        "Hartmann",
        "1939-02-20",
        6,
        "mild",
        anchor=2,
        by_phone=True,
        mail=False,
        mobile=False,
    ),
    Persona("Nils", "Berg", "2003-07-11", 3, "falls_ill", "contact", 4),
    Persona("Agnieszka", "Kamińska", "1973-10-30", 8, "lingering", anchor=2, habit=1.0),
    Persona("Leon", "Fischer", "1999-08-08", 9, "mild", anchor=1),
    Persona("Hanna", "Schulze", "1968-04-17", 7, "well", "contact", 2),
    Persona("Ioana", "Marin", "1992-11-05", 5, "moderate", anchor=2),
    Persona("Karl", "Richter", "1956-06-26", 19, "mild", anchor=2, habit=1.0),
    Persona("Emma", "Wolf", "1985-02-13", 17, "moderate", anchor=2),
    Persona("Ravi", "Patel", "1994-01-22", 16, "well", "contact", 1, habit=1.0),
    Persona("Lena", "Zimmermann", "1979-09-02", 15, "mild", anchor=1, habit=1.0),
    Persona("Otto", "Braun", "1961-12-24", 14, "mild", anchor=2),
    Persona("Mira", "Horvat", "1996-10-16", 13, "well", "contact", 1, habit=1.0),
    Persona("Stefan", "Schulte", "1970-03-19", 12, "moderate", anchor=1),
    Persona("Anh", "Trần", "2002-05-23", 11, "mild", anchor=2, habit=1.0),
)
PEOPLE = {"neckartal": NECKARTAL, "spreetal": SPREETAL}
