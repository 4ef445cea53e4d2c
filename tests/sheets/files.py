"""Files that hosts send, and that somebody sends instead."""

import io
import zipfile

from openpyxl import Workbook

HEAD = ["Name", "Vorname", "Telefon", "E-Mail"]
GUESTS = [
    ["Müller", "Jürgen", "0621 1234567", "j.mueller@example.org"],
    ["Weiß", "Sören", "+49 171 3920011", ""],
    ["O’Neill", "Łukasz", "", "lo@example.org"],
]
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def table(rows, separator=";", end="\r\n"):
    return end.join(separator.join(row) for row in rows) + end


def workbook(rows=(HEAD, *GUESTS), change=None):
    """An XLSX file; `change` is handed the book before it is saved."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    if change:
        change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def repacked(raw, *, add=(), replace=(), packed=zipfile.ZIP_DEFLATED):
    """The same package with parts added, or their bytes replaced."""
    stream = io.BytesIO()
    old = zipfile.ZipFile(io.BytesIO(raw))
    with zipfile.ZipFile(stream, "w", packed) as new:
        for part in old.infolist():
            content = old.read(part)
            for name, before, after in replace:
                if name == part.filename:
                    content = content.replace(before, after)
            new.writestr(part.filename, content)
        for name, content in add:
            new.writestr(name, content)
    return stream.getvalue()


def with_relation(kind, target):
    """A workbook whose sheet refers to something outside."""
    relations = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/'
        f'package/2006/relationships"><Relationship Id="r9" Type="{RELATION}/{kind}" '
        f'Target="{target}" TargetMode="External"/></Relationships>'
    )
    name = "xl/worksheets/_rels/sheet1.xml.rels"
    return repacked(workbook(), add=[(name, relations)])


def hostile():
    """Fifty files that are no guest list: name, file name, bytes."""
    book = workbook()
    zeros = b"0" * 30_000_000
    inner = repacked(book)
    yield from (
        ("nothing", "a.csv", b""),
        ("blanks", "a.csv", b" \r\n \n"),
        ("too large", "a.csv", b"Anna;0621 1\r\n" * 900_000),
        ("too large, packed", "a.xlsx", book + b"0" * 10_000_000),
        ("too many rows", "a.csv", b"Anna;06211234567\r\n" * 10_002),
        ("too wide", "a.csv", b"a;" * 150 + b"\r\n"),
        ("old Excel", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600),
        ("old Excel as XLSX", "a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 9),
        ("old Excel as CSV", "a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 9),
        ("web page", "a.html", b"<html><table><tr><td>Anna</td></tr></table>"),
        ("web page as XLSX", "a.xlsx", b"<html><table><tr><td>Anna</td></tr></table>"),
        ("web page as CSV", "a.csv", b"  <!DOCTYPE html><table>Anna;1</table>"),
        ("web page with a mark", "a.csv", b"\xef\xbb\xbf<html>Anna;1</html>"),
        ("spreadsheet XML", "a.csv", b'<?xml version="1.0"?><Workbook/>'),
        ("picture with script", "a.csv", b"<svg onload=alert(1)>"),
        ("script", "a.csv", b"<script>alert(1)</script>;Anna"),
        ("PDF", "a.pdf", b"%PDF-1.7 Anna"),
        ("PDF as CSV", "a.csv", b"%PDF-1.7 Anna"),
        ("RTF as CSV", "a.csv", rb"{\rtf1 Anna}"),
        ("PNG as CSV", "a.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 20),
        ("program", "a.exe", b"MZ" + b"\0" * 100),
        ("program as CSV", "a.csv", b"MZ\x90\0\x03\0\0\0"),
        ("text as XLSX", "a.xlsx", b"Anna;0621 1234567\r\n"),
        ("XLSX as CSV", "a.csv", book),
        ("ZIP", "a.zip", repacked(book)),
        ("XLSM by name", "a.xlsm", book),
        ("XLSB by name", "a.xlsb", book),
        ("half a package", "a.xlsx", book[: len(book) // 2]),
        ("no package", "a.xlsx", b"PK\x03\x04" + b"nonsense" * 40),
        ("no workbook", "a.xlsx", _package([("mimetype", b"x")])),
        ("a letter", "a.xlsx", _package([("[Content_Types].xml", b"wordprocessingml")])),
        ("macros", "a.xlsx", repacked(book, add=[("xl/vbaProject.bin", b"Sub")])),
        ("old macros", "a.xlsx", repacked(book, add=[("xl/macrosheets/a.xml", b"x")])),
        ("macro kind", "a.xlsx", repacked(book, replace=[
            ("[Content_Types].xml", b"</Types>",
             b'<Default ContentType="macroEnabled" Extension="x"/></Types>')])),
        ("controls", "a.xlsx", repacked(book, add=[("xl/activeX/a.bin", b"x")])),
        ("nested XLSX", "a.xlsx", repacked(book, add=[("xl/embeddings/b.xlsx", inner)])),
        ("nested ZIP", "a.xlsx", repacked(book, add=[("xl/a.zip", inner)])),
        ("nested, renamed", "a.xlsx", repacked(book, add=[("xl/a.png", inner)])),
        ("nested OLE", "a.xlsx", repacked(book, add=[("xl/a.dat", b"\xd0\xcf\x11\xe0")])),
        ("nested program", "a.xlsx", repacked(book, add=[("xl/a.exe", b"MZ")])),
        ("external book", "a.xlsx", repacked(
            book, add=[("xl/externalLinks/externalLink1.xml", b"<a/>")])),
        ("connection", "a.xlsx", repacked(book, add=[("xl/connections.xml", b"<a/>")])),
        ("external picture", "a.xlsx", with_relation("image", "http://a.example/b.png")),
        ("external frame", "a.xlsx", with_relation("frame", "file:///etc/passwd")),
        ("external template", "a.xlsx", with_relation("oleObject", "\\\\a\\b")),
        ("way up", "a.xlsx", repacked(book, add=[("../../etc/cron.d/a", b"x")])),
        ("way down", "a.xlsx", repacked(book, add=[("/etc/passwd", b"x")])),
        ("bomb", "a.xlsx", repacked(book, add=[("xl/a.xml", zeros)])),
        ("many parts", "a.xlsx", repacked(book, add=[
            (f"xl/{n}.xml", b"") for n in range(1_100)])),
        ("entities", "a.xlsx", repacked(book, replace=[("xl/workbook.xml", b"<workbook",
            b'<!DOCTYPE a [<!ENTITY b "c">]><workbook')])),
        ("entities in the sheet", "a.xlsx", repacked(book, replace=[
            ("xl/worksheets/sheet1.xml", b"<worksheet",
             b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><worksheet')])),
        ("broken sheet", "a.xlsx", repacked(book, replace=[
            ("xl/worksheets/sheet1.xml", b"</sheetData>", b"<<<")])),
    )  # fmt: skip


def _package(parts):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as new:
        for name, content in parts:
            new.writestr(name, content)
    return stream.getvalue()


# What is no text of a cell, with the code of what is said at it.
HOSTILE_CELLS = [
    *((text, "formula") for text in (
        "=1+1", "=cmd|' /C calc'!A0", "@SUM(1+1)", "+1+cmd|' /C calc'!A0", "-2+3+cmd",
        "=HYPERLINK(\"http://a.example\",\"b\")", "＝1+1", "＠SUM(1)", "|a", "%0A=1",
        "\t=1+1", "  =1+1", "'=1+1", "\u200b=1+1", "-=1", "+A1", "−A1",
        "=WEBSERVICE(\"http://a.example\")", "=DDE(\"cmd\";\"/C calc\";\"a\")",
    )),
    *((text, "markup") for text in (
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "Anna<b>",
        "<!-- a -->", "</td>", "&#60;script&#62;", "javascript:alert(1)", "{{7*7}}",
        "{% debug %}", "${7*7}", "data:text/html,a", "<svg/onload=a>", "&lt;script",
        "<?php a ?>",
    )),
    *((text, "control") for text in (
        "Anna\x00", "An\x07na", "\u202eannA", "An\u2066na", "Anna\x1b[2J", "\ud800".encode(
            "utf-16", "surrogatepass").decode("utf-16", "replace") + "\ue000",
        "An\x08na", "\x7fAnna",
    )),
    ("A" * 501, "long"),
]  # fmt: skip
