from django.apps import apps

from quarano.encryption import SealedTextField
from quarano.records.classification import CATEGORIES, MODELS

OURS = ("cases", "contacts", "diaries", "health_authorities", "quarano")


def our_models():
    return [
        model for model in apps.get_models() if model.__module__.split(".")[0] in OURS
    ]


def test_every_field_is_classified_once():
    for model in our_models():
        fields = {field.name for field in model._meta.local_fields}
        kept = MODELS[model._meta.label]
        named = [name for names in kept.fields.values() for name in names.split()]
        assert sorted(named) == sorted(fields), model._meta.label


def test_nothing_is_classified_that_does_not_exist():
    assert set(MODELS) == {model._meta.label for model in our_models()}


def test_categories_purposes_and_periods_are_said():
    for label, kept in MODELS.items():
        assert kept.purpose, label
        assert kept.period, label
        assert set(kept.fields) <= set(CATEGORIES), label


def test_free_text_about_people_is_sealed():
    for model in our_models():
        kept = MODELS[model._meta.label]
        for name in kept.fields.get("text", "").split():
            assert isinstance(model._meta.get_field(name), SealedTextField), name
