"""A pytest plugin that takes one guard away: QUARANO_WITHOUT=may:cases.order."""

import os
from typing import Any

import pytest


def _may(permission: str) -> None:
    from quarano.accounts.models import User

    before = User.may
    User.may = (  # type: ignore[method-assign]
        lambda self, asked: asked == permission or before(self, asked)
    )


def _people() -> None:
    from cases.models.person import PersonQuerySet

    PersonQuerySet.open_to = lambda self, user: self.all()  # type: ignore[method-assign]


def _reported() -> None:
    from cases.models.person import PersonQuerySet

    PersonQuerySet.reported_by = (  # type: ignore[method-assign]
        lambda self, user, on: self.all()
    )


def _second_factor() -> None:
    from quarano.accounts import middleware

    middleware.gave_second_factor = lambda request: True


def _account_over() -> None:
    from quarano.accounts.models import User

    User.is_over = lambda self, on: False  # type: ignore[method-assign]


PREDICATES: dict[str, Any] = {
    "Person.open_to": _people,
    "Person.reported_by": _reported,
    "second factor": _second_factor,
    "end of an account": _account_over,
}


@pytest.fixture(autouse=True, scope="session")
def _without_one_guard() -> None:
    guard = os.environ["QUARANO_WITHOUT"]
    if guard.startswith("may:"):
        _may(guard.removeprefix("may:"))
    else:
        PREDICATES[guard]()
