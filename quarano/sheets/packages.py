"""Whether an XLSX file, a ZIP of XML, is what it says and nothing else.

Looked at before it is unpacked: sizes are those of the directory, beyond which
`zipfile` reads nothing.
"""

import io
import re
import zipfile

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from quarano.sheets.refusals import SheetRefused

MOST_PARTS, MOST_BYTES, LONGEST_PART = 1_000, 60_000_000, 40_000_000
# Text in XML packs to a twentieth; what packs to a five-hundredth was made for it.
MOST_RATIO, LARGE = 500, 1_000_000
BOOK = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"
MACROS = re.compile(r"vbaproject|macrosheets|activex|ctrlprops", re.IGNORECASE)
NESTED = re.compile(
    r"embeddings/|\.(zip|xls\w?|docx?|ole|exe|dll|js|vbs|html?|jar|7z|rar|gz)$",
    re.IGNORECASE,
)
EXTERNAL = re.compile(r"externallinks/|connections\.xml|querytables/", re.IGNORECASE)
DEFINES = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def check(raw: bytes) -> None:
    """Raise SheetRefused unless the file is a workbook that holds nothing but cells."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            parts = package.infolist()
            _check_names(parts)
            _check_sizes(parts)
            for part in parts:
                _check_part(package, part)
            _check_kind(package)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError,
            zipfile.LargeZipFile) as error:  # fmt: skip
        raise SheetRefused("broken") from error


def _check_names(parts: list[zipfile.ZipInfo]) -> None:
    names = [part.filename for part in parts]
    if len(set(names)) != len(names):
        raise SheetRefused("paths")
    for name in names:
        steps = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in steps or ":" in name:
            raise SheetRefused("paths", name[:60])
        if MACROS.search(name):
            raise SheetRefused("macros", name[:60])
        if NESTED.search(name):
            raise SheetRefused("nested", name[:60])
        if EXTERNAL.search(name):
            raise SheetRefused("external", name[:60])


def _check_sizes(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
        raise SheetRefused("bomb")
    for part in parts:
        ratio = part.file_size / max(part.compress_size, 1)
        packed = part.file_size > LARGE and ratio > MOST_RATIO
        if part.file_size > LONGEST_PART or packed:
            raise SheetRefused("bomb", part.filename[:60])


def _check_part(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    if part.flag_bits & 1:
        raise SheetRefused("old_excel")
    with package.open(part) as stream:
        head = stream.read(4096)
    if head.startswith((ZIP, OLE)):
        raise SheetRefused("nested", part.filename[:60])
    if DEFINES.search(head.replace(b"\0", b"")):
        raise SheetRefused("entities", part.filename[:60])
    if part.filename.endswith(".rels"):
        _check_relations(package.read(part), part.filename)


def _check_relations(raw: bytes, name: str) -> None:
    """Links in cells, as mail addresses get them, lead nowhere by themselves; whatever
    else lies outside of the file is fetched by programs that open it."""
    try:
        for relation in fromstring(raw):
            is_outside = relation.get("TargetMode", "").lower() == "external"
            if is_outside and not relation.get("Type", "").endswith("/hyperlink"):
                raise SheetRefused("external", name[:60])
    except DefusedXmlException as error:
        raise SheetRefused("entities", name[:60]) from error
    except ParseError as error:
        raise SheetRefused("broken", name[:60]) from error


def _check_kind(package: zipfile.ZipFile) -> None:
    try:
        kinds = package.read("[Content_Types].xml")
    except KeyError as error:
        raise SheetRefused("unknown_kind") from error
    if b"macroEnabled" in kinds:
        raise SheetRefused("macros")
    if BOOK not in kinds:
        raise SheetRefused("unknown_kind")
