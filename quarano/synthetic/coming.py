"""How somebody comes to keep a diary: invited, registered, called."""

import datetime as dt
from typing import Any

from cases.enrolment import ALPHABET, NOTICE
from cases.models import (
    Acknowledgement,
    CallAttempt,
    EnrolmentCode,
    Escalation,
    Monitoring,
    Order,
    Questionnaire,
    Reporter,
    Service,
)
from diaries import reminders
from quarano.accounts.models import User
from quarano.notifications.models import Message
from quarano.synthetic.bulk import row_of
from quarano.synthetic.report import Reported
from quarano.synthetic.world import DAY, HOUR, MINUTE

Reason = Escalation.Reason
Enrolment = Monitoring.Enrolment


class Invited(Reported):
    """One person who is invited, comes or does not, and is called."""

    # --- Enrolment and calls ----------------------------------------------------------

    def enrols(self) -> None:
        random, monitoring, person = self.random, self.monitoring, self.person
        if person.no_internet or not (person.channels or self.parent):
            monitoring.enrolment = Enrolment.BY_PHONE
            self.record("person.by_phone", person, at=monitoring.opened_at, by=self.by)
            return
        invited_at = monitoring.opened_at + random.randrange(5, 240) * MINUTE
        if invited_at > self.now:
            return
        monitoring.enrolment, monitoring.invited_at = Enrolment.INVITED, invited_at
        code = self._invite(invited_at)
        patience = self.world.routine.not_registered_hours * HOUR
        registers = random.random() < 0.88
        registered_at = self.world.later(invited_at, median=4, spread=1.1)
        registered_at = min(registered_at, invited_at + 70 * HOUR)
        has_come = registers and registered_at <= self.now
        late_at = invited_at + patience
        if late_at <= self.now and not (has_come and registered_at < late_at):
            facts = {
                "invited_at": invited_at.isoformat(),
                "expired": False,
                "by_letter": code.by_letter,
            }
            how: dict[str, Any] = {"with_policy": False}
            self._raise(Reason.NOT_REGISTERED, str(code.pk), late_at, facts, **how)
            over = not has_come and code.expires_at <= self.now
            if over:
                facts |= {"expired": True}
                occasion = f"{code.pk}-expired"
                self._raise(
                    Reason.NOT_REGISTERED, occasion, code.expires_at, facts, **how
                )
        if has_come:
            self._registers(code, registered_at)

    def _invite(self, at: dt.datetime) -> EnrolmentCode:
        random, person = self.random, self.person
        by_letter = not person.channels
        life = (
            self.world.routine.letter_code_days * DAY
            if by_letter
            else self.world.routine.code_hours * HOUR
        )
        code = row_of(
            EnrolmentCode,
            id=self.world.new_id(),
            person_id=person.pk,
            selector="".join(random.choices(ALPHABET, k=4)),
            verifier_hash="!invented",
            token_hash=f"{random.getrandbits(256):064x}",
            by_letter=by_letter,
            invited_at=at,
            invited_by_id=self.by,
            expires_at=at + life,
        )
        self.add(code)
        self.record("person.invited", code, at=at, by=self.by)
        if not by_letter:
            channel = person.channels[0]
            self._message(
                f"invitation:{code.pk}:{channel}",
                "cases/messages/invitation",
                channel,
                person.address_for(channel),
                at,
                expires_at=code.expires_at,
                parameters={"path": "/enrolment/link/{token}/"},
            )
        return code

    def _message(
        self,
        purpose: str,
        template: str,
        channel: str,
        recipient: str,
        at: dt.datetime,
        *,
        expires_at: dt.datetime,
        parameters: dict[str, str],
        rung: str = "",
    ) -> None:
        self.add(
            row_of(
                Message,
                id=self.world.new_id(),
                purpose=purpose,
                template=template,
                rung=rung,
                channel=channel,
                recipient=recipient,
                language=reminders.language_of(self.person, self.world.authority),
                parameters=parameters,
                about=self.person.pk,
                state=Message.State.SENT,
                written_at=at,
                not_before=at,
                expires_at=expires_at,
                attempts=1,
                sent_at=at,
            )
        )

    def _registers(self, code: EnrolmentCode, at: dt.datetime) -> None:
        world, monitoring, person = self.world, self.monitoring, self.person
        if self.parent is not None:
            self.user, kind = self.parent, Reporter.Kind.CUSTODY
        else:
            kind = Reporter.Kind.SELF
            self.user = User(
                id=world.new_id(),
                password="!invented",  # noqa: S106 - opens nothing
                email=person.email or None,
                name=person.name,
                language=person.language if person.language in ("de", "en") else "de",
                created_at=at,
            )
            if not person.email:
                self.user.__dict__["mobile"] = person.mobile
            person.user_id = self.user.pk
            self.add(
                row_of(
                    Acknowledgement,
                    id=world.new_id(),
                    user_id=self.user.pk,
                    notice=NOTICE,
                    seen_at=at,
                )
            )
        self.add(
            row_of(
                Reporter,
                id=world.new_id(),
                user_id=self.user.pk,
                person_id=person.pk,
                kind=kind,
                since=world.authority.localdate(at),
                appointed_at=at,
                appointed_by_id=self.user.pk,
            )
        )
        code.used_at, code.used_by_id = at, self.user.pk
        monitoring.enrolment, monitoring.registered_at = Enrolment.REGISTERED, at
        self.book.clear([Reason.NOT_REGISTERED], now=at)
        self.record("person.registered", person, at=at, by=self.user.pk, citizen=True)
        enrolled_at = at + self.random.randrange(4, 50) * MINUTE
        if enrolled_at > self.now or self.random.random() < 0.03:
            return
        monitoring.enrolment, monitoring.enrolled_at = Enrolment.ENROLLED, enrolled_at
        is_ill = self.arrival.kind == Monitoring.Kind.ISOLATION
        self.add(
            row_of(
                Questionnaire,
                id=world.new_id(),
                monitoring_id=monitoring.pk,
                has_symptoms=is_ill and self.random.random() < 0.85,
                onset=self.case.onset if self.case else None,
                has_conditions=self.random.random() < 0.2,
                is_medical_staff=self.random.random() < 0.06,
                met_vulnerable=self.random.random() < 0.1,
                details_saved_at=enrolled_at,
                saved_at=enrolled_at,
                saved_by_id=self.user.pk,
            )
        )
        by = self.user.pk
        self.record("person.enrolled", monitoring, at=enrolled_at, by=by, citizen=True)

    def is_called(self) -> None:
        """The first call, with its escalation, and the order served by it."""
        random, monitoring = self.random, self.monitoring
        at = self.world.at_desk(self.world.later(monitoring.opened_at, median=3))
        if random.random() < 0.3 and at <= self.now:
            self._call(at, random.choice(("no_answer", "no_answer", "busy")))
            at = self.world.at_desk(self.world.later(at, median=3))
        if at <= self.now and random.random() < 0.96:
            self._call(at, "reached")
            monitoring.first_called_at = at
            order = self.ordered
            if (
                order is not None
                and order.issued_at is not None
                and order.issued_at <= at
            ):
                monitoring.told_at = at
                self._serve(order, "oral", at)
        signs = [monitoring.first_called_at, monitoring.enrolled_at]
        answered = min((sign for sign in signs if sign is not None), default=None)
        allowed = monitoring.opened_at + self.world.routine.first_call_hours * HOUR
        reasons = [Reason.FIRST_CALL, Reason.FIRST_CALL_OVERDUE]
        if answered is not None and answered < allowed:
            self.book.clear(reasons, now=answered)
        elif allowed <= self.now:
            facts = {
                "reported_at": monitoring.reported_at.isoformat(),
                "has_phone": bool(self.person.mobile or self.person.phone),
            }
            self._raise(
                Reason.FIRST_CALL_OVERDUE,
                "first_call",
                allowed,
                facts,
                due_at=allowed,
                with_policy=False,
            )
            self.book.clear([Reason.FIRST_CALL], now=allowed)
            if answered is not None:
                self.book.clear(reasons, now=answered)

    def _call(self, at: dt.datetime, outcome: str) -> None:
        call = row_of(
            CallAttempt,
            id=self.world.new_id(),
            person_id=self.person.pk,
            monitoring_id=self.monitoring.pk,
            number=str(self.person.mobile or self.person.phone),
            outcome=outcome,
            called_at=at,
            called_by_id=self.by,
        )
        self.add(call)
        self.record(
            "call.recorded", call, at=at, by=self.by, codes={"outcome": outcome}
        )
        if outcome == "reached":
            self.person.last_reached_at = at

    def _serve(self, order: Order, way: str, at: dt.datetime) -> None:
        service = row_of(
            Service,
            id=self.world.new_id(),
            order_id=order.pk,
            way=way,
            served_at=at,
            served_by_id=self.by if way != "portal" else None,
            effective_on=self.world.authority.localdate(at),
        )
        self.add(service)
        self.record("order.served", order, at=at, by=self.by, codes={"way": way})
