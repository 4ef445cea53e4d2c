"""One factory per model, and the cast.

Rows for a test's beginning. What a process makes is made by the process in its own
tests: a factory knows no rules.
"""

import datetime as dt
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from cases.models import (
    Acknowledgement,
    CallAttempt,
    Case,
    Comment,
    Disease,
    EnrolmentCode,
    Escalation,
    EscalationOccasion,
    Immunity,
    Monitoring,
    OnCallAlarm,
    OnCallNotice,
    Order,
    Person,
    Policy,
    PolicyExample,
    ProtectedCircle,
    Questionnaire,
    Reporter,
    Revision,
    Routine,
    Service,
    Test,
)
from contacts.models import (
    Contact,
    DayStatement,
    Event,
    EventCase,
    Exposure,
    GuestList,
    GuestRow,
    SourceLink,
)
from diaries.models import Entry, Symptom
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.oversight.models import Alarm

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)  # Tuesday, 10:00 in Germany
TODAY = dt.date(2026, 11, 24)
DAY = dt.timedelta(days=1)


# --- Logins -------------------------------------------------------------------------


class RoleFactory(DjangoModelFactory):
    class Meta:
        model = Role
        django_get_or_create = ("code",)

    code = "case_worker"
    name = "case worker"


class UserFactory(DjangoModelFactory):
    """A citizen's login; officials have roles, as founding made them."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"login{n}@example.org")
    name = "Somebody"
    language = "en"
    created_at = NOW


class AnnaFactory(UserFactory):
    """Anna, case worker."""

    email = "anna@neckartal.example"
    name = "Anna Keller"
    roles = ["case_worker"]


class OemerFactory(UserFactory):
    """Ömer, supervisor."""

    email = "oemer@neckartal.example"
    name = "Ömer Aydın"
    roles = ["supervisor"]


class PhysicianFactory(UserFactory):
    email = "paula@neckartal.example"
    name = "Paula Arndt"
    roles = ["physician"]


class NoraFactory(UserFactory):
    """Nora works for the other authority: make her in its schema."""

    email = "nora@spreetal.example"
    name = "Nora Lindner"
    roles = ["case_worker"]


class StaffInvitationFactory(DjangoModelFactory):
    class Meta:
        model = StaffInvitation

    name = "Somebody new"
    email = factory.Sequence(lambda n: f"new{n}@neckartal.example")
    roles = ["case_worker"]
    token_hash = factory.Sequence(lambda n: f"{n:064x}")
    invited_at = NOW
    expires_at = NOW + 3 * DAY


# --- What founding has made already -------------------------------------------------


class DiseaseFactory(DjangoModelFactory):
    class Meta:
        model = Disease
        django_get_or_create = ("code",)

    code = "covid-19"
    names = {"en": "COVID-19"}


class PolicyFactory(DjangoModelFactory):
    """Another version beside the shipped one, in force from its day."""

    class Meta:
        model = Policy

    disease = factory.SubFactory(DiseaseFactory)
    valid_from = TODAY
    shipped = True
    drafted_at = NOW
    approved_at = NOW


class PolicyExampleFactory(DjangoModelFactory):
    class Meta:
        model = PolicyExample

    policy = factory.SubFactory(PolicyFactory)
    title = "Exposed on 1 November"
    kind = "quarantine"
    anchor_kind = "last_exposure"
    anchor_day = dt.date(2026, 11, 1)
    until = dt.date(2026, 11, 11)


class RoutineFactory(DjangoModelFactory):
    class Meta:
        model = Routine

    valid_from = TODAY
    drafted_at = NOW


class SymptomFactory(DjangoModelFactory):
    class Meta:
        model = Symptom
        django_get_or_create = ("code",)

    code = "cough"
    names = {"en": "cough"}
    characteristic = True


# --- People -------------------------------------------------------------------------


class PersonFactory(DjangoModelFactory):
    class Meta:
        model = Person

    given_name = factory.Sequence(lambda n: f"Given{n}")
    family_name = factory.Sequence(lambda n: f"Family{n}")
    recorded_at = NOW
    birth_date_source = factory.Maybe(
        "birth_date", yes_declaration="official", no_declaration=""
    )


class IdaFactory(PersonFactory):
    """Ida, index case."""

    given_name = "Ida"
    family_name = "Sommer"
    birth_date = dt.date(1990, 4, 12)
    mobile = "+491713920001"
    email = "ida@example.org"


class KoljaFactory(PersonFactory):
    """Kolja, contact."""

    given_name = "Kolja"
    family_name = "Brenner"
    birth_date = dt.date(1985, 9, 3)
    mobile = "+491713920002"
    email = "kolja@example.org"


class ProtectedCircleFactory(DjangoModelFactory):
    class Meta:
        model = ProtectedCircle

    person = factory.SubFactory(PersonFactory, protected=True)
    user = factory.SubFactory(UserFactory, roles=["case_worker"])


class ReporterFactory(DjangoModelFactory):
    class Meta:
        model = Reporter

    user = factory.SubFactory(UserFactory)
    person = factory.SubFactory(PersonFactory)
    kind = Reporter.Kind.SELF
    since = TODAY
    appointed_at = NOW
    appointed_by = factory.SelfAttribute("user")


# --- Cases and what follows ---------------------------------------------------------


class CaseFactory(DjangoModelFactory):
    class Meta:
        model = Case

    person = factory.SubFactory(PersonFactory)
    disease = factory.SubFactory(DiseaseFactory)
    onset_kind = factory.Maybe(
        "onset", yes_declaration=Case.Onset.DATE, no_declaration=Case.Onset.NOT_ASKED
    )
    onset = TODAY - 3 * DAY
    reported_at = NOW
    recorded_at = NOW


class TestFactory(DjangoModelFactory):
    __test__ = False

    class Meta:
        model = Test

    person = factory.SubFactory(PersonFactory)
    kind = Test.Kind.PCR
    specimen_date = TODAY - DAY
    recorded_at = NOW


class MonitoringFactory(DjangoModelFactory):
    """An open quarantine; for an isolation give kind and case."""

    class Meta:
        model = Monitoring

    person = factory.SubFactory(PersonFactory)
    disease = factory.SubFactory(DiseaseFactory)
    kind = Monitoring.Kind.QUARANTINE
    start = TODAY
    until = TODAY + 8 * DAY
    anchor_kind = Monitoring.Anchor.LAST_EXPOSURE
    anchor_day = TODAY - 2 * DAY
    opened_at = NOW
    reported_at = NOW


class OrderFactory(DjangoModelFactory):
    """A proposal; an issued one has issued_at and issued_by."""

    class Meta:
        model = Order

    monitoring = factory.SubFactory(MonitoringFactory)
    effect = Order.Effect.START
    start = factory.SelfAttribute("monitoring.start")
    until = factory.SelfAttribute("monitoring.until")
    policy = factory.LazyFunction(lambda: Policy.objects.earliest("valid_from"))
    proposed_at = NOW


class ServiceFactory(DjangoModelFactory):
    class Meta:
        model = Service

    order = factory.SubFactory(OrderFactory)
    way = Service.Way.PORTAL
    served_at = NOW
    effective_on = TODAY


class EnrolmentCodeFactory(DjangoModelFactory):
    class Meta:
        model = EnrolmentCode

    person = factory.SubFactory(PersonFactory)
    selector = "AB23"
    verifier_hash = factory.Sequence(lambda n: f"{n:064x}")
    token_hash = factory.Sequence(lambda n: f"{n:064x}")
    invited_at = NOW
    invited_by = factory.SubFactory(UserFactory, roles=["case_worker"])
    expires_at = NOW + 3 * DAY


class AcknowledgementFactory(DjangoModelFactory):
    class Meta:
        model = Acknowledgement

    user = factory.SubFactory(UserFactory)
    notice = "1"
    seen_at = NOW


class QuestionnaireFactory(DjangoModelFactory):
    class Meta:
        model = Questionnaire

    monitoring = factory.SubFactory(MonitoringFactory)


class EscalationFactory(DjangoModelFactory):
    """Open, on the person; for another subject give kind and id."""

    class Meta:
        model = Escalation

    person = factory.SubFactory(PersonFactory)
    subject_kind = Escalation.Subject.PERSON
    subject_id = factory.SelfAttribute("person.pk")
    reason = Escalation.Reason.DETAILS_MISSING
    band = Escalation.Band.CAN_WAIT
    raised_at = NOW
    due_at = NOW + DAY


class EscalationOccasionFactory(DjangoModelFactory):
    class Meta:
        model = EscalationOccasion

    escalation = factory.SubFactory(EscalationFactory)
    subject_id = factory.SelfAttribute("escalation.subject_id")
    reason = factory.SelfAttribute("escalation.reason")
    occasion = "birth_date"
    happened_at = NOW


class OnCallAlarmFactory(DjangoModelFactory):
    class Meta:
        model = OnCallAlarm

    escalation = factory.SubFactory(EscalationFactory)
    news_at = NOW
    raised_at = NOW
    next_at = NOW


class OnCallNoticeFactory(DjangoModelFactory):
    class Meta:
        model = OnCallNotice

    alarm = factory.SubFactory(OnCallAlarmFactory)
    round = 1
    telephone = 1
    told_at = NOW
    token_hash = factory.Sequence(lambda n: f"{n:064x}")


class CommentFactory(DjangoModelFactory):
    class Meta:
        model = Comment

    person = factory.SubFactory(PersonFactory)
    text = "Rang twice."
    written_at = NOW
    written_by = factory.SubFactory(UserFactory, roles=["case_worker"])


class CallAttemptFactory(DjangoModelFactory):
    class Meta:
        model = CallAttempt

    person = factory.SubFactory(PersonFactory)
    outcome = CallAttempt.Outcome.NO_ANSWER
    called_at = NOW
    called_by = factory.SubFactory(UserFactory, roles=["case_worker"])


class RevisionFactory(DjangoModelFactory):
    class Meta:
        model = Revision

    person = factory.SubFactory(PersonFactory)
    event = factory.Faker("uuid4")
    subject_kind = "cases.person"
    subject = factory.SelfAttribute("person.pk")
    changed_at = NOW
    verb = "person.changed"
    changes = '{"city": ["", "Neckarfurt"]}'


class ImmunityFactory(DjangoModelFactory):
    """The second dose, weeks ago; no proof seen."""

    class Meta:
        model = Immunity

    person = factory.SubFactory(PersonFactory)
    disease = factory.SubFactory(DiseaseFactory)
    kind = Immunity.Kind.VACCINATION
    day = TODAY - 60 * DAY
    dose = 2
    recorded_at = NOW


# --- Contacts -----------------------------------------------------------------------


class ContactFactory(DjangoModelFactory):
    """Somebody whom a case named."""

    class Meta:
        model = Contact

    case = factory.SubFactory(CaseFactory)
    met = factory.Maybe("case", factory.SelfAttribute("case.person"), None)
    given_name = factory.Sequence(lambda n: f"Given{n}")
    hint = "the baker, red jacket"
    origin = "citizen"
    named_at = NOW


class ExposureFactory(DjangoModelFactory):
    """Yesterday at work, close and long; waits for an official."""

    class Meta:
        model = Exposure

    contact = factory.SubFactory(ContactFactory)
    case = factory.SelfAttribute("contact.case")
    met = factory.SelfAttribute("contact.met")
    day = TODAY - DAY
    setting = "work"
    distance = "near"
    minutes = 45
    masks = "none"
    origin = "citizen"
    named_at = NOW


class DayStatementFactory(DjangoModelFactory):
    class Meta:
        model = DayStatement

    person = factory.SubFactory(PersonFactory)
    day = TODAY - DAY
    said = DayStatement.Said.NOBODY
    stated_at = NOW
    stated_by = factory.SubFactory(UserFactory)


class EventFactory(DjangoModelFactory):
    """Last Friday's choir."""

    class Meta:
        model = Event

    name = "Choir"
    kind = Event.Kind.CULTURE
    place = "Parish hall"
    setting = "event"
    distance = "room"
    minutes = 90
    starts_at = NOW - 4 * DAY
    ends_at = NOW - 4 * DAY + dt.timedelta(hours=2)
    recorded_at = NOW
    recorded_by = factory.SubFactory(UserFactory, roles=["case_worker"])


class EventCaseFactory(DjangoModelFactory):
    class Meta:
        model = EventCase

    event = factory.SubFactory(EventFactory)
    case = factory.SubFactory(CaseFactory)
    noted_at = NOW


class GuestListFactory(DjangoModelFactory):
    """Asked of the host."""

    class Meta:
        model = GuestList

    event = factory.SubFactory(EventFactory)
    way = GuestList.Way.HOST
    asked_at = NOW
    asked_by = factory.SubFactory(UserFactory, roles=["case_worker"])
    token_hash = factory.Sequence(lambda n: f"{n:064x}")
    expires_at = NOW + 3 * DAY


class GuestRowFactory(DjangoModelFactory):
    class Meta:
        model = GuestRow

    guest_list = factory.SubFactory(GuestListFactory)
    number = factory.Sequence(lambda n: n + 2)
    cells = '["Anna Meier", "0621 1234567"]'
    state = GuestRow.State.READY


class SourceLinkFactory(DjangoModelFactory):
    class Meta:
        model = SourceLink

    case = factory.SubFactory(CaseFactory)
    source = factory.SubFactory(CaseFactory)
    strength = SourceLink.Strength.NAMED
    found_at = NOW


# --- Diaries ------------------------------------------------------------------------


class EntryFactory(DjangoModelFactory):
    """This morning's, well and measured."""

    class Meta:
        model = Entry

    person = factory.SubFactory(PersonFactory)
    day = TODAY
    half = Entry.Half.MORNING
    opens = dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)
    ends = dt.datetime(2026, 11, 24, 16, tzinfo=dt.UTC)
    deadline = dt.datetime(2026, 11, 25, 16, tzinfo=dt.UTC)
    reported_at = NOW
    reported_by = factory.SubFactory(UserFactory)
    via = Entry.Via.SELF
    temperature = Decimal("36.6")


# --- Oversight ----------------------------------------------------------------------


class AlarmFactory(DjangoModelFactory):
    """Open, about somebody's reading of today."""

    class Meta:
        model = Alarm

    rule = Alarm.Rule.MASS
    actor = factory.Faker("uuid4", cast_to=None)
    occasion = TODAY.isoformat()
    happened_at = NOW
    raised_at = NOW
