"""Whether an uploaded picture may stand on a letter: small, whole, and harmless.

An SVG is a document that can fetch, run and hide things; what is no plain drawing is
refused, never cleaned.
"""

import struct
import xml.etree.ElementTree as ET
import zlib

from django.utils.translation import gettext as _

from quarano.letters.typesetting import Logo, can_show

MOST_BYTES = 200_000
MOST_PIXELS = 4_000_000
MOST_ELEMENTS = 5_000
PNG = b"\x89PNG\r\n\x1a\n"
SVG = "{http://www.w3.org/2000/svg}"
# Without `use` and `symbol`: copies of copies make a small file a huge picture.
DRAWING = {
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "defs", "linearGradient", "radialGradient", "stop", "title", "desc", "clipPath",
    "mask", "style", "metadata",
}  # fmt: skip
# What drawing programs write beside the drawing; nothing of it is drawn.
NOTES = ("sodipodi", "inkscape", "22-rdf-syntax-ns", "creativecommons", "purl.org/dc")
HARMFUL = ("@import", "expression(", "javascript:", "data:", "http://", "https://")


class Unfit(Exception):
    """The picture cannot be taken; its text says why, to whoever uploaded it."""


def check(content: bytes) -> Logo:
    """Return the picture with its kind, png or svg; raises Unfit."""
    if not content:
        raise Unfit(_("This file is empty."))
    if len(content) > MOST_BYTES:
        raise Unfit(_("This file is too large: 200 kB at most."))
    if content.startswith(PNG):
        _check_png(content)
        logo = Logo(content, "png")
    else:
        _check_svg(content)
        logo = Logo(content, "svg")
    if not can_show(logo):
        raise Unfit(_("This picture cannot be drawn. Save it anew as PNG."))
    return logo


def _check_png(content: bytes) -> None:
    # Width and height are at the same place in every PNG, in the first chunk.
    if content[12:16] != b"IHDR" or not _is_whole(content):
        raise Unfit(_("This is no whole PNG."))
    width, height = struct.unpack(">II", content[16:24])
    if not width or not height or width * height > MOST_PIXELS:
        raise Unfit(_("This picture has too many pixels: four millions at most."))


def _is_whole(content: bytes) -> bool:
    """Whether every chunk is there and as it was written, and the pixels unpack."""
    place, pixels, end = len(PNG), b"", b""
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunk = content[place + 4 : place + 8 + length]
        stated = int.from_bytes(content[place + 8 + length :][:4], "big")
        if zlib.crc32(chunk) != stated:
            return False
        if chunk[:4] == b"IDAT":
            pixels += chunk[4:]
        end, place = chunk[:4], place + 12 + length
    try:
        # Four channels of two bytes each are the most that a pixel can take.
        rows = zlib.decompressobj().decompress(pixels, 8 * MOST_PIXELS + 1_000_000)
    except zlib.error:
        return False
    height = int.from_bytes(content[20:24], "big")
    return end == b"IEND" and len(rows) > height


def _check_svg(content: bytes) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unfit(_("Only PNG and SVG are taken.")) from None
    # Entities could make gigabytes of a few lines; without a DTD there are none.
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise Unfit(_("This SVG brings a DTD. Save it as plain SVG."))
    try:
        root = ET.fromstring(text)  # noqa: S314 - small, and without a DTD
    except (ET.ParseError, ValueError):
        raise Unfit(_("Only PNG and SVG are taken.")) from None
    if root.tag != f"{SVG}svg":
        raise Unfit(_("Only PNG and SVG are taken."))
    for count, element in enumerate(root.iter()):
        if count > MOST_ELEMENTS:
            raise Unfit(_("This SVG has too many parts."))
        _check_element(element)


def _check_element(element: ET.Element) -> None:
    name = str(element.tag)
    if not name.startswith(SVG):
        if not any(note in name.partition("}")[0] for note in NOTES):
            raise Unfit(_refused(name.partition("}")[2] or name))
        return
    if name.removeprefix(SVG) not in DRAWING:
        raise Unfit(_refused(name.removeprefix(SVG)))
    if _is_harmful(element.text or ""):
        raise Unfit(_("This SVG fetches something from elsewhere."))
    for attribute, value in element.attrib.items():
        local = attribute.rpartition("}")[2]
        if local.lower().startswith("on"):
            raise Unfit(_("This SVG holds a script."))
        is_link = local == "href" and not value.startswith("#")
        if is_link or _is_harmful(value):
            raise Unfit(_("This SVG fetches something from elsewhere."))


def _refused(name: str) -> str:
    return _(
        "This SVG holds “%(name)s”. Only drawings are taken: turn text into paths."
    ) % {"name": name}


def _is_harmful(text: str) -> bool:
    plain = "".join(text.lower().split())
    urls = plain.count("url(") - plain.count("url(#")
    return urls > 0 or any(word in plain for word in HARMFUL)
