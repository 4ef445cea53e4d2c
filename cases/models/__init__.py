from cases.models.case import Case, Test
from cases.models.enrolment import Acknowledgement, EnrolmentCode, Questionnaire
from cases.models.escalation import Escalation, EscalationOccasion
from cases.models.immunity import Immunity
from cases.models.letters import Letter, LetterKind, Logo, PrintRun, Proof
from cases.models.log import CallAttempt, Comment, Revision
from cases.models.monitoring import Monitoring, Order, Service
from cases.models.on_call import OnCallAlarm, OnCallNotice
from cases.models.person import Person, ProtectedCircle, Reporter
from cases.models.policy import Disease, Policy, PolicyExample, Routine

__all__ = [
    "Acknowledgement",
    "CallAttempt",
    "Case",
    "Comment",
    "Disease",
    "EnrolmentCode",
    "Escalation",
    "EscalationOccasion",
    "Immunity",
    "Letter",
    "LetterKind",
    "Logo",
    "Monitoring",
    "OnCallAlarm",
    "OnCallNotice",
    "Order",
    "Person",
    "Policy",
    "PolicyExample",
    "PrintRun",
    "Proof",
    "ProtectedCircle",
    "Questionnaire",
    "Reporter",
    "Revision",
    "Routine",
    "Service",
    "Test",
]
