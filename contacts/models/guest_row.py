import json
import uuid
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models.event import GuestList
from quarano.encryption import SealedTextField


class GuestRowQuerySet(models.QuerySet["GuestRow"]):
    def ready(self) -> "GuestRowQuerySet":
        """Those that become contacts as soon as an official takes the list in."""
        return self.filter(state=GuestRow.State.READY)

    def rejected(self) -> "GuestRowQuerySet":
        """Those that wait to be mended, or stay out."""
        return self.exclude(state=GuestRow.State.READY)


class GuestRow(models.Model):
    """A row of a guest list as it came, until it became a contact.

    What was rejected stays to be mended; what was taken in is gone from here.
    """

    class State(models.TextChoices):
        READY = "ready", _("ready")
        WRONG = "wrong", _("to be mended")
        DOUBLE = "double", _("there already")
        LEFT_OUT = "left_out", _("left out")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    guest_list = models.ForeignKey(
        GuestList, on_delete=models.CASCADE, related_name="guest_rows"
    )
    # As the program that made the file counts, from 1.
    number = models.PositiveIntegerField()
    # A JSON list as it came, by the list's columns; an object of fields once mended.
    cells = SealedTextField()
    state = models.CharField(max_length=8, choices=State)
    # [{"column": "phone", "code": "phone"}]: places, never values.
    problems = models.JSONField(default=list)

    objects = GuestRowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["guest_list", "number"], name="guest_row_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["guest_list", "state", "number"], name="guest_row_state"
            )
        ]

    def __str__(self) -> str:
        return str(self.number)

    @property
    def read(self) -> list[str] | dict[str, Any]:
        """What stands in the cells."""
        found: list[str] | dict[str, Any] = json.loads(self.cells)
        return found
