"""What the database itself holds true, whoever writes: every constraint refuses."""

import datetime as dt
import uuid

import factory
import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from cases.models import Letter, Logo, PrintRun, Proof
from quarano.desk.models import SetUpMark
from quarano.notifications.models import Message, TextVersion
from tests import factories as make

NOW, TODAY, DAY = make.NOW, make.TODAY, make.DAY
ANNA = uuid.UUID(int=1)


def twice(factory, *names, **fields):
    """The same row twice, in all that `names` names."""
    first = factory(**fields)
    factory(**{**fields, **{name: getattr(first, name) for name in names}})


def message(**fields):
    values = {
        "purpose": str(uuid.uuid4()), "template": "x", "channel": "mail",
        "recipient": "a@b.example", "language": "en", "written_at": NOW,
        "not_before": NOW, **fields,
    }  # fmt: skip
    return Message.objects.create(**values)


def text_version(**fields):
    values = {
        "template": "x", "channel": "mail", "language": "en", "number": 2,
        "source": "{link}", "written_at": NOW, "written_by": uuid.uuid4(), **fields,
    }  # fmt: skip
    return TextVersion.objects.create(**values)


def settled(**fields):
    return make.EscalationFactory(settled_at=NOW, **fields)


def issued(**fields):
    by = make.UserFactory(roles=["case_worker"])
    return make.OrderFactory(issued_at=NOW, issued_by=by, **fields)


def policy_by_one():
    anna = make.AnnaFactory()
    make.PolicyFactory(
        valid_from=TODAY, shipped=False, drafted_by=anna, approved_at=NOW,
        approved_by=anna,
    )  # fmt: skip


def second_open_invitation():
    twice(make.StaffInvitationFactory, "email")


def two_replace_one():
    order = issued(until=TODAY)
    for _ in range(2):
        issued(monitoring=order.monitoring, until=TODAY, replaces=order)


def two_open_alarms():
    first = make.OnCallAlarmFactory()
    make.OnCallAlarmFactory(escalation=first.escalation, news_at=NOW + DAY)


def print_run(**fields):
    return PrintRun.objects.create(
        **{"opened_at": NOW, "opened_by": make.AnnaFactory(), **fields}
    )


def letters(*, places=(1, 2), same=False):
    """Two letters of one run."""
    run, person, one = print_run(), make.PersonFactory(), message()
    for place in places:
        Letter.objects.create(
            run=run, person=person, kind="order", position=place,
            message=one if same else message(),
        )  # fmt: skip


def proof(**fields):
    values = {
        "kind": "order", "about": uuid.uuid4(), "token": "x", "initials": "I. S.",
        "token_hash": str(uuid.uuid4()), "start": TODAY, "until": TODAY,
        "issued_on": TODAY, "made_at": NOW, **fields,
    }  # fmt: skip
    return Proof.objects.create(**values)


def same_proof():
    about = uuid.uuid4()
    for _ in range(2):
        proof(about=about)


def second_contact_of_a_case():
    person = make.PersonFactory()
    twice(make.ContactFactory, "case", person=person)


def second_open_link():
    twice(make.GuestListFactory, "event", "asked_by")


def second_likely_source():
    twice(make.SourceLinkFactory, "case", likely=True)


VIOLATIONS = {
    "contact_can_be_found": lambda: make.ContactFactory(hint=""),
    "contact_case_with_its_person": lambda: make.ContactFactory(met=None),
    "contact_held_or_of_a_case": lambda: make.ContactFactory(
        case=None, met=make.PersonFactory()
    ),
    "contact_followed_is_a_person": lambda: make.ContactFactory(state="person"),
    "contact_told_when": lambda: make.ContactFactory(state="told"),
    "contact_urgent_as_said": lambda: make.ContactFactory(health_staff="yes"),
    "contact_of_a_case_once": second_contact_of_a_case,
    "contact_changed": lambda: make.ContactFactory(changed_at=NOW),
    "contact_reviewed": lambda: make.ContactFactory(reviewed_at=NOW),
    "contact_told": lambda: make.ContactFactory(told_at=NOW),
    "contact_dismissed": lambda: make.ContactFactory(dismissed_at=NOW),
    "one_exposure_a_day": lambda: twice(make.ExposureFactory, "contact", "day"),
    "one_held_exposure_a_day": lambda: twice(
        make.ExposureFactory, "contact", "met", "day", case=None
    ),
    "exposure_accepted": lambda: make.ExposureFactory(accepted_at=NOW),
    "exposure_withdrawn": lambda: make.ExposureFactory(withdrawn_at=NOW),
    "exposure_held_not_accepted": lambda: make.ExposureFactory(
        case=None, accepted_at=NOW, accepted_by=make.AnnaFactory()
    ),
    "exposure_within_a_day": lambda: make.ExposureFactory(minutes=1441),
    "one_statement_a_day": lambda: twice(make.DayStatementFactory, "person"),
    "event_ends_after_start": lambda: make.EventFactory(ends_at=NOW - 5 * DAY),
    "event_discarded": lambda: make.EventFactory(discarded_at=NOW),
    "event_case_once": lambda: twice(make.EventCaseFactory, "event", "case"),
    "guest_list_all_counted": lambda: make.GuestListFactory(rows=3, accepted=2),
    "one_open_guest_list_link": second_open_link,
    "guest_list_asked": lambda: make.GuestListFactory(asked_by=None),
    "guest_list_undone": lambda: make.GuestListFactory(undone_at=NOW),
    "guest_list_taken": lambda: make.GuestListFactory(taken_at=NOW),
    "guest_row_once": lambda: twice(make.GuestRowFactory, "guest_list", number=3),
    "guest_list_host_was_asked": lambda: make.GuestListFactory(expires_at=None),
    "source_is_case_or_event": lambda: make.SourceLinkFactory(source=None),
    "source_is_another_case": lambda: make.SourceLinkFactory(
        source=factory.SelfAttribute("case")
    ),
    "source_case_once": lambda: twice(make.SourceLinkFactory, "case", "source"),
    "source_event_once": lambda: twice(
        make.SourceLinkFactory, "case", source=None, event=make.EventFactory()
    ),
    "one_likely_source": second_likely_source,
    "source_rejected": lambda: make.SourceLinkFactory(rejected_at=NOW),
    "source_rejected_is_not_likely": lambda: make.SourceLinkFactory(
        likely=True, rejected_at=NOW, rejected_by=make.AnnaFactory()
    ),
    "immunity_once": lambda: twice(make.ImmunityFactory, "person"),
    "immunity_proof_seen": lambda: make.ImmunityFactory(proof_seen_at=NOW),
    "immunity_dose_of_a_vaccine": lambda: make.ImmunityFactory(dose=None),
    "one_logo": lambda: Logo.objects.create(
        code="other",
        kind="png",
        content=b"",
        uploaded_at=NOW,
        uploaded_by=make.AnnaFactory(),
    ),
    "print_run_printed": lambda: print_run(printed_at=NOW),
    "print_run_posted": lambda: print_run(
        printed_at=NOW, printed_by=make.OemerFactory(), posted_at=NOW
    ),
    "print_run_put_back": lambda: print_run(put_back_at=NOW),
    "print_run_ends_once": lambda: print_run(
        printed_at=NOW,
        printed_by=make.OemerFactory(),
        posted_at=NOW,
        posted_by=make.PhysicianFactory(),
        put_back_at=NOW,
        put_back_by=make.UserFactory(),
    ),
    "print_run_posted_was_printed": lambda: print_run(
        posted_at=NOW, posted_by=make.OemerFactory()
    ),
    "letter_once_in_a_run": lambda: letters(same=True),
    "letter_place_in_a_run": lambda: letters(places=(1, 1)),
    "proof_once": same_proof,
    "proof_of_what_can_be_proved": lambda: proof(kind="invitation"),
    "one_open_monitoring": lambda: twice(
        make.MonitoringFactory, "person", "disease", "kind"
    ),
    "monitoring_until_after_start": lambda: make.MonitoringFactory(
        start=TODAY, until=TODAY - DAY
    ),
    "monitoring_concluded_when_why": lambda: make.MonitoringFactory(
        status="concluded", concluded_at=NOW, conclusion="released", concluded_by=None
    ),
    "monitoring_anchor_with_its_day": lambda: make.MonitoringFactory(
        anchor_kind="onset", anchor_day=None
    ),
    "monitoring_stated_with_its_day": lambda: make.MonitoringFactory(
        stated_kind="last_exposure"
    ),
    "one_proposal": lambda: twice(make.OrderFactory, "monitoring"),
    "replaced_once": two_replace_one,
    "order_issued": lambda: make.OrderFactory(issued_at=NOW, issued_by=None),
    "order_issued_has_end": lambda: issued(until=None),
    "order_until_after_start": lambda: make.OrderFactory(
        effect="start", start=TODAY, until=TODAY - DAY
    ),
    "one_unused_code": lambda: twice(make.EnrolmentCodeFactory, "person"),
    "notice_once": lambda: twice(make.AcknowledgementFactory, "user", "notice"),
    "questionnaire_saved": lambda: make.QuestionnaireFactory(
        saved_at=NOW, saved_by=None
    ),
    "one_open_escalation": lambda: twice(
        make.EscalationFactory, "subject_id", "reason"
    ),
    # An official without a moment; a moment alone is a rule's.
    "escalation_settled": lambda: make.EscalationFactory(
        settled_at=None, settled_by=make.AnnaFactory()
    ),
    "escalation_settled_has_outcome": lambda: settled(
        settled_by=make.AnnaFactory(), outcome=""
    ),
    "escalation_medical_by_official": lambda: settled(
        reason="fever", settled_by=None, outcome="cleared"
    ),
    "occasion_once": lambda: twice(
        make.EscalationOccasionFactory, "subject_id", "reason", "occasion"
    ),
    "on_call_alarm_once": lambda: twice(
        make.OnCallAlarmFactory,
        "escalation",
        "news_at",
        ended_at=NOW,
        end="acted",
    ),
    "one_open_on_call_alarm": two_open_alarms,
    "on_call_ended_how": lambda: make.OnCallAlarmFactory(ended_at=NOW, end="taken"),
    "on_call_notice_once": lambda: twice(make.OnCallNoticeFactory, "alarm"),
    "person_birth_date_said_by": lambda: make.PersonFactory(
        birth_date=TODAY, birth_date_source=""
    ),
    "person_stay_until_after_from": lambda: make.PersonFactory(
        stay_from=TODAY, stay_until=TODAY - DAY
    ),
    "circle_once": lambda: twice(make.ProtectedCircleFactory, "person", "user"),
    "reporter_once": lambda: twice(make.ReporterFactory, "user", "person"),
    "reporter_until_after_since": lambda: make.ReporterFactory(
        since=TODAY, until=TODAY - DAY
    ),
    "policy_once_a_day": lambda: twice(make.PolicyFactory, "disease", "valid_from"),
    "policy_approved_by_another": policy_by_one,
    "case_onset_with_its_day": lambda: make.CaseFactory(onset_kind="date", onset=None),
    "case_hospital_until_after_since": lambda: make.CaseFactory(
        in_hospital_since=TODAY, in_hospital_until=TODAY - DAY
    ),
    "test_result_reported": lambda: make.TestFactory(
        result="positive", reported_at=None
    ),
    "one_entry_per_slot": lambda: twice(make.EntryFactory, "person", "day", "half"),
    "entry_in_time": lambda: make.EntryFactory(
        via="self",
        opens=NOW,
        ends=NOW + DAY,
        deadline=NOW + 2 * DAY,
        reported_at=NOW + 2 * DAY,
    ),
    "entry_slot_in_order": lambda: make.EntryFactory(
        via="official", opens=NOW, ends=NOW, deadline=NOW + DAY, reported_at=NOW
    ),
    "entry_temperature_possible": lambda: make.EntryFactory(temperature="45.1"),
    "message_sent_when": lambda: message(state="sent", sent_at=None),
    "message_failed_when": lambda: message(state="failed", failed_at=None),
    "message_arrived_or_not": lambda: message(
        state="sent", sent_at=NOW, delivered_at=NOW, undelivered_at=NOW
    ),
    "message_reported_when_sent": lambda: message(delivered_at=NOW),
    "text_numbered_once": lambda: [text_version(), text_version()],
    "text_follows_the_shipped": lambda: text_version(number=1),
    "one_open_staff_invitation": second_open_invitation,
    "alarm_once": lambda: twice(make.AlarmFactory, "rule", "actor", "occasion"),
    "alarm_settled": lambda: make.AlarmFactory(settled_at=NOW, settled_by=None),
    "alarm_settled_by_another": lambda: make.AlarmFactory(
        actor=ANNA, settled_at=NOW, settled_by=ANNA, outcome="explained"
    ),
    "set_up_mark_known": lambda: SetUpMark.objects.create(
        step="else", made_at=NOW, made_by=make.AnnaFactory()
    ),
}
# In public: a matter of the register, see test_offices; test_placement.
ELSEWHERE = {"office_text_once", "one_open_placement", "no_more_there_than_all"}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_database_refuses(authority, name):
    with pytest.raises(IntegrityError, match=f'"{name}"'), transaction.atomic():
        VIOLATIONS[name]()


def test_every_constraint_is_tried():
    ours = {
        constraint.name
        for model in apps.get_models()
        if model.__module__.split(".")[0] in {"cases", "contacts", "diaries", "quarano"}
        for constraint in model._meta.constraints
    }
    assert set(VIOLATIONS) | ELSEWHERE >= ours
    assert set(VIOLATIONS) <= ours


def test_a_purpose_is_written_once(authority):
    message(purpose="same")
    with pytest.raises(IntegrityError), transaction.atomic():
        message(purpose="same")


def test_nobody_concludes_but_an_official_or_the_rule(authority):
    lapsed = make.MonitoringFactory(
        status="concluded", concluded_at=NOW, conclusion="lapsed", concluded_by=None
    )
    assert lapsed.pk


def test_an_official_may_enter_after_the_deadline(authority):
    late = make.EntryFactory(
        via="official", opens=NOW, ends=NOW + DAY, deadline=NOW + DAY,
        reported_at=NOW + dt.timedelta(days=5),
    )  # fmt: skip
    assert late.pk
