"""Settling what an official decides with it: 'onset differs' changes the case."""

import datetime as dt

from cases import escalation, intake, objecting
from cases.models import Case, Escalation
from quarano.accounts.models import User
from quarano.cockroach.transactions import retrying_transaction

Outcome = Escalation.Outcome


@retrying_transaction
def settle(
    found: Escalation, *, outcome: str, word: str = "", by: User, now: dt.datetime
) -> Escalation:
    """Settle an escalation with its outcome, and do what the outcome says.

    'Onset differs' that is confirmed makes the diary's day the onset of the case, and
    the proposal is computed anew; kept, nothing changes and the same day does not come
    back. A claim 'this step is wrong' that is confirmed becomes what is recorded, and
    lands as a proposal. Raises escalation.AlreadySettled, OnlyByRule.
    """
    settled = escalation.settle(found, outcome=outcome, word=word, by=by, now=now)
    day = settled.facts.get("diary")
    is_onset = settled.reason == Escalation.Reason.ONSET_DIFFERS
    if is_onset and outcome == Outcome.CONFIRMED and day:
        intake.revise_case(
            Case.objects.get(pk=settled.subject_id),
            {
                "onset": dt.date.fromisoformat(day),
                "onset_kind": Case.Onset.DATE,
                "onset_source": Case.OnsetSource.DIARY,
            },
            by=by,
            now=now,
        )
    is_claim = settled.reason == Escalation.Reason.STEP_DISPUTED
    if is_claim and outcome == Outcome.CONFIRMED:
        objecting.carry_out(settled, by=by, now=now)
    return settled
