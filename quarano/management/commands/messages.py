"""Collects, checks and compiles translations without gettext's programs.

Bare systems have no xgettext and no msgfmt; Babel does both in Python. It is a package
of development: images bring the compiled catalogues along.
"""

import io
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import template as templates

ROOTS = ("quarano", "health_authorities", "cases", "contacts", "diaries", "templates")
SOURCE_LANGUAGE = "en"
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
    # The purpose of a model's rows, in the register of Art. 30 GDPR.
    "Kept": (1,),
}

PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")

Message = tuple[str | tuple[str, ...], str | None, str, int]


def catalogues(locale: Path) -> list[Path]:
    """The catalogues of a locale folder, one per language."""
    return sorted(locale.glob("*/LC_MESSAGES/django.po"))


def compile_changed(locale: Path) -> list[Path]:
    """Write the .mo beside each .po that is newer; the paths written."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    written = []
    for source in catalogues(locale):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as text:
            catalogue = read_po(text)
        # In one step, since several processes of a test run may look at once.
        partial = target.with_suffix(".mo.partial")
        with partial.open("wb") as binary:
            write_mo(binary, catalogue)
        partial.replace(target)
        written.append(target)
    return written


def collect(base: Path) -> Iterator[Message]:
    """Every text to translate below `base`: text or plurals, context, path, line."""
    from babel.messages.extract import extract

    for root in ROOTS:
        for path in sorted((base / root).rglob("*")):
            if (
                path.suffix not in {".py", ".html", ".txt"}
                or "migrations" in path.parts
            ):
                continue
            text = path.read_text(encoding="utf-8")
            if path.suffix != ".py":
                # Only the calls are left of a template, at places that are no Python.
                text = templates.templatize(text)
                text = "\n".join(line.strip() for line in text.splitlines())
            found = extract(
                "python",
                io.BytesIO(text.encode()),
                keywords=KEYWORDS,
            )
            for line, words, _comments, context in found:
                yield words, context, path.relative_to(base).as_posix(), line


class Command(BaseCommand):
    help = "Collects the texts to translate and compiles the translations."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--compile-only", action="store_true", help="collect nothing"
        )
        parser.add_argument(
            "--check", action="store_true", help="change nothing, fail on gaps"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        locale = Path(settings.LOCALE_PATHS[0])
        if not options["compile_only"]:
            gaps = self._update(locale, check=options["check"])
            if options["check"] and gaps:
                raise CommandError("\n".join([*gaps, f"{len(gaps)} gaps"]))
            if gaps:
                self.stdout.write(f"{len(gaps)} texts are not translated yet.")
        for path in compile_changed(locale):
            self.stdout.write(f"compiled {path.relative_to(settings.BASE_DIR)}")

    def _update(self, locale: Path, *, check: bool) -> list[str]:
        from babel.messages.catalog import Catalog
        from babel.messages.pofile import read_po, write_po

        wanted = Catalog(fuzzy=False)
        for words, context, place, line in collect(Path(settings.BASE_DIR)):
            wanted.add(words, locations=[(place, line)], context=context)
        gaps: list[str] = []
        for code, _name in settings.LANGUAGES:
            if code == SOURCE_LANGUAGE:
                continue
            path = locale / code / "LC_MESSAGES" / "django.po"
            if path.exists():
                with path.open("rb") as text:
                    catalogue = read_po(text, locale=code)
            else:
                catalogue = Catalog(locale=code, project="Quarano", fuzzy=False)
            began = catalogue.creation_date
            catalogue.update(wanted, no_fuzzy_matching=True)
            # Else two branches always differ in this line.
            catalogue.creation_date = began
            gaps += [f"{code}: {problem}" for problem in self._gaps(catalogue)]
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as binary:
                    write_po(
                        binary,
                        catalogue,
                        width=88,
                        omit_header=False,
                        sort_output=True,
                        ignore_obsolete=True,
                        include_lineno=False,
                    )
        return gaps

    def _gaps(self, catalogue: Any) -> Iterator[str]:
        for message in catalogue:
            if not message.id:
                continue
            name = message.id if isinstance(message.id, str) else message.id[0]
            strings = (
                [message.string] if isinstance(message.string, str) else message.string
            )
            if message.fuzzy or not strings or not all(strings):
                yield f"not translated: {name!r} ({message.locations[:1]})"
                continue
            for error in message.check(catalogue):
                yield f"{error}: {name!r}"
            # The last form of a plural speaks of any number, the first need not.
            wanted = message.id if isinstance(message.id, str) else message.id[-1]
            if set(PLACEHOLDER.findall(wanted)) != set(
                PLACEHOLDER.findall(strings[-1])
            ):
                yield f"other placeholders: {name!r}"
