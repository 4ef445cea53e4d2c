"""What may stand on a letter: small, whole, harmless pictures."""

import struct
import zlib

import pytest

from quarano.letters.pictures import MOST_BYTES, Unfit, check

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" %s>%s</svg>'
PLAIN = (HEAD % ("", '<path d="M0 0h9v9z"/>')).encode()


def png(width=2, height=2, *, whole=True):
    def chunk(name, content):
        crc = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + b"\xff\0\0" * 2 for _ in range(2)) if whole else b"x"
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def test_a_drawing_and_a_png_are_taken():
    assert check(PLAIN).kind == "svg"
    assert check(png()).kind == "png"


def test_what_drawing_programs_note_beside_is_taken():
    notes = (
        '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:li rdf:resource="http://purl.org/dc/"/></rdf:RDF></metadata>'
    )
    assert check((HEAD % ("", notes)).encode()).kind == "svg"


@pytest.mark.parametrize(
    ("attributes", "inside"),
    [
        ("", "<script>alert(1)</script>"),
        ('onload="alert(1)"', ""),
        ("", '<image href="https://elsewhere.example/x.png"/>'),
        ("", '<use href="https://elsewhere.example/x.svg#a"/>'),
        ("", '<use href="file:///etc/passwd#a"/>'),
        ("", '<path d="M0 0" style="fill:url(https://elsewhere.example/)"/>'),
        ("", "<style>@import 'https://elsewhere.example/x.css';</style>"),
        ("", "<style>path{fill:u r l(//elsewhere.example)}</style>"),
        ("", "<foreignObject/>"),
        ("", '<b xmlns="http://www.w3.org/1999/xhtml"><script/></b>'),
        ("", "<animate/>"),
        ("", "<g/>" * 5_001),
    ],
)
def test_what_can_run_or_fetch_is_refused(attributes, inside):
    with pytest.raises(Unfit):
        check((HEAD % (attributes, inside)).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"%PDF-1.7",
        b"<html/>",
        b"\x89PNG\r\n\x1a\n",
        b"<svg/>",
        PLAIN[:-7],
        "\ud83d".encode("utf-16", "surrogatepass"),
        b'<!DOCTYPE svg [<!ENTITY a "b">]>' + PLAIN,
        PLAIN + b" " * MOST_BYTES,
        png(width=60_000, height=60_000),
        png(whole=False),
    ],
)
def test_what_is_no_small_whole_picture_is_refused(content):
    with pytest.raises(Unfit):
        check(content)


def test_copies_of_copies_are_refused():
    """Ten lines would make a picture of millions of parts."""
    links = "".join(
        f'<g id="g{n + 1}">' + f'<use href="#g{n}"/>' * 10 + "</g>" for n in range(5)
    )
    bomb = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
        f'<defs><path id="g0" d="M0 0h1"/>{links}</defs></svg>'
    )
    with pytest.raises(Unfit):
        check(bomb.encode())
