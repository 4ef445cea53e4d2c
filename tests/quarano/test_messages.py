from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from quarano.management.commands import messages


@pytest.fixture
def project(tmp_path, settings) -> Path:
    """A small project with a text in code and three in a template."""
    settings.BASE_DIR = tmp_path
    settings.LOCALE_PATHS = [tmp_path / "quarano" / "locale"]
    (tmp_path / "cases").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "cases" / "words.py").write_text(
        "from django.utils.translation import gettext as _, ngettext\n"
        'label = _("symptom onset")\n'
        'counted = ngettext("%(n)d case", "%(n)d cases", 2)\n'
    )
    (tmp_path / "templates" / "page.html").write_text(
        "{% load i18n %}\n"
        "<p title=\"it's\">{% translate 'Sign out' %}</p>\n"
        "  {% blocktranslate trimmed with name=x %}\n"
        "    Hello\n    {{ name }}\n"
        "  {% endblocktranslate %}\n"
        '{% translate "May" context "verb" %}\n'
    )
    return tmp_path


def catalogue(project: Path) -> Path:
    return project / "quarano" / "locale" / "de" / "LC_MESSAGES" / "django.po"


def test_texts_of_code_and_templates_are_collected(project):
    found = {(words, context) for words, context, _, _ in messages.collect(project)}
    assert found == {
        ("symptom onset", None),
        (("%(n)d case", "%(n)d cases"), None),
        ("Sign out", None),
        ("Hello %(name)s", None),
        ("May", "verb"),
    }


def test_a_text_without_translation_fails_the_check(project):
    call_command("messages", verbosity=0)
    with pytest.raises(CommandError, match="5 gaps"):
        call_command("messages", check=True)


def test_translations_are_kept_and_compiled(project):
    call_command("messages", verbosity=0)
    path = catalogue(project)
    text = path.read_text()
    text = text.replace('msgid "Sign out"\nmsgstr ""', 'msgid "Sign out"\nmsgstr "Ab"')
    path.write_text(text)
    call_command("messages", verbosity=0)
    assert 'msgstr "Ab"' in path.read_text()
    assert b"Ab" in path.with_suffix(".mo").read_bytes()


def test_a_placeholder_that_is_lost_is_a_gap(project):
    call_command("messages", verbosity=0)
    path = catalogue(project)
    text = path.read_text()
    assert "python-format" in text
    text = text.replace(
        'msgid "Hello %(name)s"\nmsgstr ""', 'msgid "Hello %(name)s"\nmsgstr "Hallo"'
    )
    path.write_text(text)
    with pytest.raises(CommandError, match="Hello"):
        call_command("messages", check=True)


def test_checking_changes_nothing(project):
    with pytest.raises(CommandError):
        call_command("messages", check=True)
    assert not catalogue(project).exists()
