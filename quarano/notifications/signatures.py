"""The secret by which a gateway proves whose reports it brings; needs no settings."""

import base64
import hmac
from collections.abc import Iterable
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEADER = "X-Quarano-Signature"


def secret(schema: str, key: str) -> str:
    """Return the secret of an authority, derived from a key in base64.

    Another authority's secret tells nothing about it, and neither does the key that
    seals its columns.
    """
    derive = HKDF(
        algorithm=SHA256(), length=32, salt=b"delivery reports", info=schema.encode()
    )
    return derive.derive(base64.b64decode(key)).hex()


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body: `sha256=` and 64 hexadecimal digits."""
    return f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"


def is_signed(body: bytes, said: str, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets signed the body."""
    return any(_same(said, sign(body, secret)) for secret in secrets)


def is_borne(authorization: str, secrets: Iterable[str]) -> bool:
    """Whether an Authorization header bears one of the secrets itself."""
    return any(_same(authorization, f"Bearer {secret}") for secret in secrets)


def _same(said: str, wanted: str) -> bool:
    # Bytes: a header may hold letters that compare_digest() refuses as text.
    return hmac.compare_digest(said.encode(), wanted.encode())
