from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "quarano.accounts"
    label = "accounts"
