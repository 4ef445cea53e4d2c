"""Letters after DIN 5008 (form B) as PDF, set by typst; the same bytes each time.

What people typed reaches typst as JSON, never as code. The PDF is tagged and says its
language (PDF/UA-1 and PDF/A-2a).
"""

import base64
import datetime as dt
import io
import json
import logging
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import segno
import typst

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
STANDARDS: list[Any] = ["a-2a", "ua-1"]
# Some two seconds of setting; more than that belong into another run.
MOST = 100

Part = dict[str, Any]


@dataclass(frozen=True)
class Logo:
    """A checked picture: its kind is png or svg."""

    content: bytes
    kind: str


@dataclass(frozen=True)
class Sheet:
    """One letter, every word of it in the language of who gets it."""

    lang: str
    office: str
    # One line: the address for returns, above the window's address.
    sender_line: str
    addressee: tuple[str, ...]
    # Label and value: reference, date, telephone …
    block: tuple[tuple[str, str], ...]
    subject: str
    parts: tuple[Part, ...]
    foot: str
    # Says {n} of {m} pages.
    page_words: str
    reference: str = ""
    mark: str = ""
    # One word across the sheet, such as that this is practice.
    stamp: str = ""


@dataclass(frozen=True)
class Cover:
    """What lies on top of a print run: who gets which letter, and how many pages.

    A row is the letter's number, counted from 1, the name and the kind; the pages are
    counted while setting.
    """

    lang: str
    subject: str
    parts: tuple[Part, ...]
    head: tuple[str, str, str, str]
    rows: tuple[tuple[str, str, str], ...]
    total: str
    foot: str
    page_words: str


@dataclass
class _Pictures:
    """Files for typst, each kept once."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, content: bytes) -> str:
        self.files[name] = content
        return name


# --- Parts of a letter ----------------------------------------------------------------


def paragraph(text: str) -> Part:
    return {"kind": "text", "text": text}


def heading(text: str) -> Part:
    return {"kind": "heading", "text": text}


def items(lines: Sequence[str]) -> Part:
    return {"kind": "list", "lines": list(lines)}


def terms(rows: Sequence[tuple[str, str]]) -> Part:
    """Labels with their values, one below the other."""
    return {"kind": "terms", "rows": [list(row) for row in rows]}


def sum_(
    rows: Sequence[tuple[str, str, str]],
    *,
    head: tuple[str, str],
    total: tuple[str, str],
) -> Part:
    """Steps (label, value, source) and what they come to."""
    return {
        "kind": "sum",
        "rows": [list(row) for row in rows],
        "head": list(head),
        "total": list(total),
    }


def access(
    *,
    address: str,
    address_words: str,
    code: str,
    code_words: str,
    until: str,
    link: str,
    qr_words: str,
) -> Part:
    """A page's address and a code to type, and the link as a QR code."""
    return {
        "kind": "access",
        "address": address,
        "address_words": address_words,
        "code": code,
        "code_words": code_words,
        "until": until,
        "link": link,
        "qr_words": qr_words,
    }


def proof(*, words: str, address: str, link: str, qr_words: str) -> Part:
    """A QR code under which the letter's validity can be asked."""
    return {
        "kind": "proof",
        "words": words,
        "address": address,
        "link": link,
        "qr_words": qr_words,
    }


def signature(*, by: str, name: str, note: str = "") -> Part:
    """Room for a signature above the name."""
    return {"kind": "signature", "by": by, "name": name, "note": note}


# --- Setting --------------------------------------------------------------------------


def typeset(
    sheets: Sequence[Sheet],
    *,
    title: str,
    author: str,
    lang: str,
    at: dt.datetime,
    logo: Logo | None = None,
    cover: Cover | None = None,
) -> bytes:
    """Return the letters as one PDF, each with its own page numbers.

    `at` is the moment that the file notes as its own. A name in letters that our fonts
    lack makes a PDF without the marks of PDF/UA, for it would promise what it does not
    hold; it can be printed all the same.
    """
    files = _files(
        sheets, title=title, author=author, lang=lang, logo=logo, cover=cover
    )
    try:
        return _compile(files, STANDARDS, at)
    except typst.TypstError as error:
        # Its text may hold a name.
        logger.warning("letters are set without PDF/UA: %s", type(error).__name__)
        return _compile(files, [], at)


def can_show(logo: Logo) -> bool:
    """Whether typst can draw this picture."""
    files = {
        "main.typ": b'#image("logo.svg", alt: "logo", height: 26mm)',
        "logo.svg": _as_svg(logo),
    }
    try:
        _compile(files, [], dt.datetime.fromtimestamp(0, dt.UTC))
    except typst.TypstError:
        return False
    return True


def _as_svg(logo: Logo) -> bytes:
    """A drawing that holds the picture: typst takes files of text only."""
    if logo.kind == "svg":
        return logo.content
    width, height = struct.unpack(">II", logo.content[16:24])
    pixels = base64.b64encode(logo.content).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" '
        f'href="data:image/png;base64,{pixels}"/></svg>'
    ).encode()


def _files(
    sheets: Sequence[Sheet],
    *,
    title: str,
    author: str,
    lang: str,
    logo: Logo | None,
    cover: Cover | None,
) -> dict[str, bytes]:
    pictures = _Pictures()
    logo_name = pictures.add("logo.svg", _as_svg(logo)) if logo else ""
    content = {
        "title": title,
        "author": author,
        "lang": lang,
        "cover": asdict(cover) if cover else None,
        "letters": [
            {
                **asdict(sheet),
                "logo": logo_name,
                "logo_words": sheet.office,
                "parts": [_drawable(part, pictures) for part in sheet.parts],
            }
            for sheet in sheets
        ],
    }
    return {
        "main.typ": (HERE / "letter.typ").read_bytes(),
        "data.json": json.dumps(content).encode(),
        **pictures.files,
    }


def _drawable(part: Part, pictures: _Pictures) -> Part:
    if "link" not in part:
        return part
    name = f"qr-{len(pictures.files)}.svg"
    return {**part, "qr": pictures.add(name, _qr(part["link"]))}


def _qr(text: str) -> bytes:
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", border=1, xmldecl=False
    )
    return drawn.getvalue()


def _compiler(files: dict[str, bytes], inputs: dict[str, str] | None = None) -> Any:
    # Nothing but our own files: no fonts of the system, no packages from a network.
    compiler: Any = typst.Compiler
    return compiler(
        files,
        root=str(HERE / "fonts"),
        font_paths=[str(HERE / "fonts")],
        ignore_system_fonts=True,
        package_path=str(HERE / "fonts"),
        package_cache_path=str(HERE / "fonts"),
    )


def _compile(files: dict[str, bytes], standards: list[Any], at: dt.datetime) -> bytes:
    made = _compiler(files).compile(
        format="pdf", pdf_standards=standards, timestamp=int(at.timestamp())
    )
    assert isinstance(made, bytes)
    return made
