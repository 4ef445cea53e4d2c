"""Which people a citizen's login may see and report for."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from cases.models import Person
from quarano.accounts import logins
from quarano.accounts.access import to_sign_in

OWN_PERSON = "own person"


def own_person(
    view: Callable[..., HttpResponse],
) -> Callable[..., HttpResponse]:
    """Hand the view the person whom `person` in the address names.

    404 for everybody for whom this login does not report today, as for nobody.
    """

    @wraps(view)
    def wrapper(
        request: HttpRequest, person: uuid.UUID, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        people = Person.objects.reported_by(request.user, on=logins.today())
        found = get_object_or_404(people, pk=person)
        return view(request, found, *args, **kwargs)

    wrapper.guard = OWN_PERSON  # type: ignore[attr-defined]
    return wrapper
