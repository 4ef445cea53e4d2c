"""A passkey in software: makes keys and answers challenges as a browser sends them."""

import hashlib
import json
import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw):
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(words):
    return urlsafe_b64decode(words + "=" * (-len(words) % 4))


class SoftKey:
    """One key on one device; `verified=False` is a key without finger or PIN."""

    def __init__(self, origin="http://neckartal.localhost", *, verified=True):
        self.origin, self.verified = origin, verified
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.handle = None
        self.counter = 0

    def client_data(self, kind, challenge, **more):
        told = {
            "type": f"webauthn.{kind}",
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(told | more).encode()

    def authenticator_data(self, host, flags, attested=b""):
        if self.verified:
            flags |= VERIFIED
        begin = hashlib.sha256(host.encode()).digest()
        return begin + struct.pack(">BI", flags, self.counter) + attested

    def make(self, options, **more):
        """The answer to `credentials.create`."""
        asked = options["publicKey"]
        self.handle = asked["user"]["id"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        data = self.authenticator_data(asked["rp"]["id"], PRESENT | ATTESTED, attested)
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self.client_data("create", asked["challenge"], **more)
        return self.wrapped(
            clientDataJSON=text(client_data), attestationObject=text(made)
        )

    def answer(self, options, *, host=None, **more):
        """The answer to `credentials.get`."""
        asked = options["publicKey"]
        data = self.authenticator_data(host or asked["rpId"], PRESENT)
        client_data = self.client_data("get", asked["challenge"], **more)
        signed = self.key.sign(
            data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self.wrapped(
            clientDataJSON=text(client_data),
            authenticatorData=text(data),
            signature=text(signed),
            userHandle=self.handle,
        )

    def wrapped(self, **response):
        return json.dumps(
            {
                "id": text(self.id),
                "rawId": text(self.id),
                "type": "public-key",
                "response": response,
            }
        )
