import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.monitoring import Monitoring
from cases.models.pairs import who_and_when
from cases.models.person import Person
from cases.models.policy import Policy
from quarano.accounts.models import User
from quarano.encryption import SealedTextField


class EscalationQuerySet(models.QuerySet["Escalation"]):
    def open(self) -> "EscalationQuerySet":
        return self.filter(settled_at__isnull=True)

    def open_to(self, user: User) -> "EscalationQuerySet":
        """Those of people whom this official may see."""
        people = Person.objects.open_to(user).order_by()
        return self.filter(person__in=people.values("pk"))


class Escalation(models.Model):
    """Why somebody must look at a person. One open per subject and reason."""

    class Reason(models.TextChoices):
        EMERGENCY = "emergency", _("Emergency sign")
        FEVER = "fever", _("Fever")
        FIRST_SYMPTOM = "first_symptom", _("First characteristic symptom")
        SUSPICIOUS_SYMPTOM = "suspicious_symptom", _("Suspicious symptom")
        WORSENING = "worsening", _("Worsening")
        GROUP = "group", _("Symptoms of a group")
        ENTRY_MISSING = "entry_missing", _("Entry missing")
        SILENT = "silent", _("Silent")
        NOT_REGISTERED = "not_registered", _("Not registered")
        FIRST_CALL = "first_call", _("First call open")
        FIRST_CALL_OVERDUE = "first_call_overdue", _("First call overdue")
        DETAILS_MISSING = "details_missing", _("Details missing")
        ONSET_DIFFERS = "onset_differs", _("Onset differs")
        ENDS = "ends", _("Monitoring ends")
        ENDS_WITH_SYMPTOMS = "ends_with_symptoms", _("Ends with symptoms")
        LAPSED_UNDECIDED = "lapsed_undecided", _("Order lapsed, undecided")
        MESSAGE_FAILED = "message_failed", _("Message failed")
        POSSIBLE_DUPLICATE = "possible_duplicate", _("Possible duplicate")
        QUARANTINE_MISFIT = "quarantine_misfit", _("Quarantine no longer fits")
        CONTACTS_NAMED = "contacts_named", _("Contacts to look at")
        MET_IN_QUARANTINE = "met_in_quarantine", _("Met somebody in quarantine")
        STEP_DISPUTED = "step_disputed", _("Objects to the date")
        POSSIBLE_CLUSTER = "possible_cluster", _("Possible cluster")

    # Never go away by themselves, never in bulk: an official settles each.
    MEDICAL = frozenset(
        {
            Reason.EMERGENCY.value,
            Reason.FEVER.value,
            Reason.FIRST_SYMPTOM.value,
            Reason.SUSPICIOUS_SYMPTOM.value,
            Reason.WORSENING.value,
            Reason.GROUP.value,
        }
    )

    class Band(models.IntegerChoices):
        ACT_NOW = 1, _("Act now")
        DUE_TODAY = 2, _("Due today")
        CAN_WAIT = 3, _("Can wait until tomorrow")

    class Subject(models.TextChoices):
        MONITORING = "monitoring", _("monitoring")
        CASE = "case", _("case")
        PERSON = "person", _("person")

    class Outcome(models.TextChoices):
        CALLED = "called", _("spoken to, no change")
        DOCTOR = "doctor", _("sent to a doctor")
        HOSPITAL = "hospital", _("taken to hospital")
        TEST = "test", _("test arranged")
        MEASURE = "measure", _("order changed")
        DIFFERENT = "different", _("different people")
        CONFIRMED = "confirmed", _("confirmed")
        KEPT = "kept", _("kept as it was")
        NOTHING = "nothing", _("nothing to do")
        # Only by a rule: the cause has gone.
        CLEARED = "cleared", _("resolved by itself")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        Person, null=True, on_delete=models.CASCADE, related_name="escalations"
    )
    monitoring = models.ForeignKey(
        Monitoring, null=True, on_delete=models.CASCADE, related_name="escalations"
    )
    subject_kind = models.CharField(max_length=10, choices=Subject)
    subject_id = models.UUIDField()
    reason = models.CharField(max_length=20, choices=Reason)
    # Band of urgency; `rank` orders within it (higher first).
    band = models.PositiveSmallIntegerField(choices=Band)
    rank = models.PositiveSmallIntegerField(default=0)
    for_supervisor = models.BooleanField(default=False)
    raised_at = models.DateTimeField()
    # Moves when a worse fact joins: then officials are told anew.
    worsened_at = models.DateTimeField(null=True)
    policy = models.ForeignKey(
        Policy, null=True, on_delete=models.PROTECT, related_name="escalations"
    )
    # Codes and numbers of the moment; words are made where they are shown.
    facts = models.JSONField(default=dict)
    eased_at = models.DateTimeField(null=True)
    # The citizen corrected what raised it: for an official to review.
    withdrawn_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="escalations_assigned",
    )
    snoozed_until = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="escalations_settled",
    )
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    word = SealedTextField(blank=True)

    objects = EscalationQuerySet.as_manager()

    class Meta:
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        indexes = [
            models.Index(
                fields=["band", "due_at"],
                name="escalation_open",
                condition=Q(settled_at__isnull=True),
            ),
            models.Index(fields=["person", "settled_at"], name="escalation_person"),
            # All that the worklist sorts by, so that it opens no row: cases.places.
            models.Index(
                fields=["person"],
                name="escalation_standing",
                condition=Q(settled_at__isnull=True),
                include=[
                    "reason",
                    "band",
                    "due_at",
                    "raised_at",
                    "worsened_at",
                    "eased_at",
                    "snoozed_until",
                    "assigned_to",
                    "for_supervisor",
                ],
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "reason"],
                condition=Q(settled_at__isnull=True),
                name="one_open_escalation",
            ),
            who_and_when(
                "escalation_settled", "settled_at", "settled_by", rule_may=True
            ),
            models.CheckConstraint(
                name="escalation_settled_has_outcome",
                condition=Q(settled_at__isnull=True, outcome="")
                | (
                    Q(settled_at__isnull=False)
                    & ~Q(outcome="")
                    & (Q(settled_by__isnull=False) | Q(outcome="cleared"))
                ),
            ),
            models.CheckConstraint(
                name="escalation_medical_by_official",
                condition=~Q(outcome="cleared")
                | ~Q(
                    reason__in=[
                        "emergency",
                        "fever",
                        "first_symptom",
                        "suspicious_symptom",
                        "worsening",
                        "group",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.get_reason_display()

    @property
    def is_medical(self) -> bool:
        return self.reason in self.MEDICAL


class EscalationOccasion(models.Model):
    """What exactly raised an escalation, or joined it: so that what was settled does
    not come back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    escalation = models.ForeignKey(
        Escalation, on_delete=models.CASCADE, related_name="occasions"
    )
    subject_id = models.UUIDField()
    reason = models.CharField(max_length=20, choices=Escalation.Reason)
    # A slot ('2026-11-17-morning'), an entry's id, a day, the other person's id …
    occasion = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    happened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "reason", "occasion"], name="occasion_once"
            )
        ]
