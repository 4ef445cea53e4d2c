"""Every field says what it is for, what it is, why it may be kept and how long."""

from io import StringIO

import html5lib
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import translation

from cases.models import Routine
from quarano.records.classification import ALWAYS, BASES, CATEGORIES, MODELS
from quarano.records.register import OF_NOBODY, period_in_words
from tests import world as worlds
from tests.quarano.test_classification import our_models


@pytest.fixture
def register(authority):
    def read(*options):
        out = StringIO()
        with time_machine.travel(worlds.NOW, tick=False):
            call_command("record_of_processing", "neckartal", *options, stdout=out)
        return out.getvalue()

    return read


@pytest.mark.bar(71)
def test_bar_71_every_field_has_purpose_category_base_and_period():
    routine, fields = Routine(), 0
    for model in our_models():
        kept = MODELS[model._meta.label]
        for field in model._meta.local_fields:
            fields += 1
            category = kept.category(field.name)
            assert CATEGORIES[category]
            assert kept.purpose
            assert kept.base(category), (model._meta.label, field.name)
            assert period_in_words(kept.period, routine)
    assert fields > 200
    assert set(BASES) == set(CATEGORIES)


@pytest.mark.bar(71)
def test_bar_71_what_is_about_somebody_has_a_base_in_law():
    for label, kept in MODELS.items():
        for category in set(kept.fields) - OF_NOBODY:
            assert "GDPR" in kept.base(category), (label, category)
        if "health" in kept.fields:
            assert "Art. 9 (2)" in kept.base("health"), label
            assert kept.period != ALWAYS, label


@pytest.mark.bar(71)
def test_bar_71_every_purpose_is_said_in_german():
    """A purpose is a text to translate: `make messages` finds it by `Kept(…)`."""
    with translation.override("de"):
        same = [
            kept.purpose
            for kept in MODELS.values()
            if translation.gettext(kept.purpose) == kept.purpose
        ]
    assert not same, f"translate in django.po: {same}"


@pytest.mark.bar(71)
@pytest.mark.parametrize("language", ["de", "en"])
def test_bar_71_the_register_names_every_activity(register, language):
    text = register("--language", language)
    with translation.override(language):
        for kept in MODELS.values():
            if set(kept.fields) - OF_NOBODY - {"technical"}:
                assert translation.gettext(kept.purpose) in text, kept.purpose
        for base in set(BASES.values()) - {BASES[name] for name in OF_NOBODY}:
            assert translation.gettext(base) in text
    assert "Gesundheitsamt Neckartal" in text
    assert ("Verzeichnis" in text) == (language == "de")


@pytest.mark.bar(71)
def test_bar_71_the_periods_are_those_of_the_authority(register):
    assert "12 months from the event" in register("--language", "en")
    Routine.objects.create(
        valid_from=worlds.TODAY, keep_access_log_months=18, drafted_at=worlds.NOW
    )
    assert "18 months from the event" in register("--language", "en")


@pytest.mark.bar(71)
def test_bar_71_the_register_is_a_page_too(register):
    page = register("--language", "de", "--format", "html")
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(page)
    assert 'lang="de"' in page
    with pytest.raises(CommandError):
        call_command("record_of_processing", "nowhere")
