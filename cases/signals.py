from django.dispatch import Signal

# Sent within the transaction that revised a case, with `case`, `what` (the names of
# the fields that changed), `by` and `now`: the one message that goes up the layers.
case_revised = Signal()
# `what` of a case that is new.
TAKEN_UP = ("taken_up",)
