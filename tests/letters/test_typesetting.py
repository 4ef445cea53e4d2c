"""The form of a letter: where things lie on the sheet, and that text stays text."""

import datetime as dt
import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from quarano.letters import typesetting
from quarano.letters.typesetting import Cover, Logo, Sheet
from tests.letters.test_pictures import png

AT = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
MM = 72 / 25.4
SHEET = Sheet(
    lang="de",
    office="Gesundheitsamt Neckartal",
    sender_line="Gesundheitsamt Neckartal · Am Markt 1 · 70001 Neckarfurt",
    addressee=("Leyla Aydın", "Fährgasse 12", "70001 Neckarfurt"),
    block=(("Datum", "24. November 2026"),),
    subject="Eine Nachricht",
    parts=(typesetting.paragraph("Guten Tag,"),),
    foot="Gesundheitsamt Neckartal",
    page_words="Seite {n} von {m}",
)
COVER = Cover(
    lang="de",
    subject="Drucklauf",
    parts=(),
    head=("Nr.", "Name", "Brief", "Seiten"),
    rows=(("1", "Leyla", "Anordnung"), ("2", "Kolja", "Einladung")),
    total="Zusammen",
    foot="vertraulich",
    page_words="Seite {n} von {m}",
)


def typeset(*sheets, **more):
    return typesetting.typeset(
        sheets, title="Briefe", author="Amt", lang="de", at=AT, **more
    )


def pages(pdf):
    return PdfReader(io.BytesIO(pdf)).pages


def places(page):
    """Each piece of text with its place in mm from the upper left corner."""
    found = []

    def visit(text, cm, tm, _font, _size):
        if text.strip():
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            height = float(page.mediabox.height)
            found.append((text.strip(), x / MM, (height - y) / MM))

    page.extract_text(visitor_text=visit)
    return found


def place(page, words):
    return next((x, y) for text, x, y in places(page) if words in text)


def test_the_address_lies_in_the_window_of_form_b():
    page = pages(typeset(SHEET))[0]
    for line in (*SHEET.addressee, "Am Markt 1"):
        x, y = place(page, line)
        # DIN 5008: 20 to 105 mm from the left, 45 to 90 mm from the top.
        assert 20 < x < 105, line
        assert 45 < y < 90, line
    assert place(page, "Leyla")[1] > 62.7, "below the zone of the sender"


def test_a_long_address_stays_in_the_window():
    lines = ("Eltern " * 3, *("sehr lange Zeile " * 2,) * 4, "70001 Neckarfurt")
    page = pages(typeset(replace(SHEET, addressee=lines)))[0]
    assert place(page, "70001 Neckarfurt")[1] < 90


def test_the_text_begins_below_the_window():
    assert place(pages(typeset(SHEET))[0], "Eine Nachricht")[1] > 98


def test_each_letter_counts_its_own_pages():
    long = replace(
        SHEET, parts=tuple(typesetting.paragraph("Wort " * 300) for _ in range(6))
    )
    found = [page.extract_text() for page in pages(typeset(long, SHEET, cover=COVER))]
    assert "Seite 1 von 1" in found[0]
    assert "Seite 1 von 3" in found[1]
    assert "Seite 3 von 3" in found[3]
    assert "Seite 1 von 1" in found[4]
    assert len(found) == 5


def test_the_cover_lists_names_kinds_pages_and_their_sum():
    long = replace(
        SHEET, parts=tuple(typesetting.paragraph("Wort " * 300) for _ in range(6))
    )
    cover = " ".join(pages(typeset(long, SHEET, cover=COVER))[0].extract_text().split())
    assert "1 Leyla Anordnung 3" in cover
    assert "2 Kolja Einladung 1" in cover
    assert "Zusammen 4" in cover


HOSTILE = [
    '#read("/etc/passwd")',
    '#include "main.typ"',
    '#image("data.json")',
    "$ sum_(i=0) $",
    "@label <label> = heading",
    "\\ ` * _ ~ // /* */",
    '"); #panic("out',
    "{{ user.password }} {% debug %}",
    "</script><b>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_typed_is_text_and_never_code(text):
    sheet = replace(
        SHEET,
        addressee=(text, "Fährgasse 12"),
        subject=text,
        block=((text, text),),
        parts=(
            typesetting.paragraph(text),
            typesetting.heading(text),
            typesetting.items([text]),
            typesetting.sum_([(text, text, text)], head=("a", "b"), total=(text, "c")),
            typesetting.signature(by="x", name=text, note=text),
        ),
    )
    shown = "".join(pages(typeset(sheet))[0].extract_text().split())
    assert "".join(text.split()) in shown
    assert "root:" not in shown


def test_names_of_many_origins_are_drawn():
    lines = ("Şebnem Gül ğıł Nguyễn", "Юлія Їжак Đặng", "Ștefan Țoiu Łukasz Þór")
    pdf = typeset(replace(SHEET, addressee=lines))
    assert b"pdfuaid" in pdf
    text = pages(pdf)[0].extract_text()
    for line in lines:
        assert line in text


def test_a_script_that_our_fonts_lack_is_printed_without_the_promise():
    pdf = typeset(replace(SHEET, addressee=("陈伟", "Fährgasse 12")))
    assert b"pdfuaid" not in pdf
    assert "Fährgasse 12" in pages(pdf)[0].extract_text()


def test_the_pdf_is_tagged_and_says_language_and_title():
    root = PdfReader(io.BytesIO(typeset(SHEET))).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("de")
    assert "/StructTreeRoot" in root


def test_the_same_letters_are_the_same_bytes():
    assert typeset(SHEET, SHEET, cover=COVER) == typeset(SHEET, SHEET, cover=COVER)


def test_a_picture_is_drawn_and_has_words_for_who_cannot_see_it():
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
        b'<path d="M0 0h9v9z"/></svg>'
    )
    for logo in (Logo(svg, "svg"), Logo(png(), "png")):
        pdf = typeset(SHEET, logo=logo)
        assert pdf != typeset(SHEET)
        assert b"pdfuaid" in pdf


def test_a_stamp_stands_across_every_page():
    long = replace(
        SHEET, parts=(typesetting.paragraph("Satz.\n" * 120),), stamp="ÜBUNG"
    )
    found = [page.extract_text() for page in pages(typeset(long))]
    assert len(found) > 1
    assert all("ÜBUNG" in text for text in found)
    assert "ÜBUNG" not in pages(typeset(SHEET))[0].extract_text()
