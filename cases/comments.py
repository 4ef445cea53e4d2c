import datetime as dt

from cases import history
from cases.models import Comment, Person
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction


class NothingSaid(Exception):
    """A comment without a word."""


@retrying_transaction
def write(person: Person, text: str, *, by: User, now: dt.datetime) -> Comment:
    """Put a comment into somebody's file; raises NothingSaid."""
    if not text.strip():
        raise NothingSaid
    person = history.locked(person)
    comment = Comment.objects.create(
        person=person, text=text.strip(), written_at=now, written_by=by
    )
    audit.record("comment.written", comment, by=by, now=now)
    return comment
