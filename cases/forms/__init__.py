from cases.forms.case import (
    CaseForm,
    EpisodeForm,
    ExposureForm,
    HospitalForm,
    ReportForm,
    SameAsForm,
)
from cases.forms.log import (
    CallForm,
    CommentForm,
    InviteForm,
    SettleForm,
    SnoozeForm,
)
from cases.forms.monitoring import (
    ConcludeForm,
    ConfirmForm,
    DeathForm,
    ExtendForm,
    IssueForm,
    LiftForm,
    ServeForm,
    ShortenForm,
)
from cases.forms.person import DetailsForm, PersonForm

__all__ = [
    "CallForm",
    "CaseForm",
    "CommentForm",
    "ConcludeForm",
    "ConfirmForm",
    "DeathForm",
    "DetailsForm",
    "EpisodeForm",
    "ExposureForm",
    "ExtendForm",
    "HospitalForm",
    "InviteForm",
    "IssueForm",
    "LiftForm",
    "PersonForm",
    "ReportForm",
    "SameAsForm",
    "ServeForm",
    "SettleForm",
    "ShortenForm",
    "SnoozeForm",
]
