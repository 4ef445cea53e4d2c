from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from quarano.encryption import seal, unseal


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Logins come from invitations alone."""
        return False


class MFAAdapter(DefaultMFAAdapter):
    PLACE = "mfa_authenticator.data"

    def encrypt(self, text: str) -> str:
        return seal(text, place=self.PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, place=self.PLACE)
