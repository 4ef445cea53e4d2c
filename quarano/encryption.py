"""Columns that only the running application can read.

AES-256-GCM; the key is derived for one schema, the associated data names schema,
table and column: a value copied to another authority or column does not open.
"""

import base64
import hashlib
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection, models


def fingerprint(token: str) -> str:
    """Return the hash under which a token of 256 bits is stored: no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Unreadable(Exception):
    """No key of this installation opens the value at this place."""


@lru_cache(maxsize=4096)
def _cipher(key: str, schema: str) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=schema.encode())
    return AESGCM(derive.derive(base64.b64decode(key)))


def seal(value: str, *, place: str) -> str:
    """Return the value encrypted for this schema and place ('table.column')."""
    schema = connection.schema_name
    nonce = os.urandom(12)
    secret = _cipher(settings.FIELD_KEYS[0], schema).encrypt(
        nonce, value.encode(), f"{schema}|{place}".encode()
    )
    return base64.b64encode(nonce + secret).decode()


def unseal(value: str, *, place: str) -> str:
    """Return the text behind a sealed value; raises Unreadable."""
    schema = connection.schema_name
    raw = base64.b64decode(value)
    for key in settings.FIELD_KEYS:
        try:
            return (
                _cipher(key, schema)
                .decrypt(raw[:12], raw[12:], f"{schema}|{place}".encode())
                .decode()
            )
        except InvalidTag:
            continue
    raise Unreadable(place)


class SealedTextField(models.TextField):
    """Text that is encrypted in its column; empty stays empty; never searched."""

    @property
    def place(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return seal(value, place=self.place) if value else value

    def from_db_value(self, value: str | None, *args: Any) -> str | None:
        return unseal(value, place=self.place) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None
