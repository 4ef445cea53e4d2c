"""What each field is kept for, what kind of data it is, and how long it stays.

Access copy, erasure and the register under Art. 30 GDPR walk over this table; a field
that is missing here turns a test red.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

# How long, counted from the conclusion of the person's last monitoring.
DIARY = "routine.keep_diary_months"
ORDERS = "routine.keep_orders_months"
# Counted from the last exposure, while no source case is open.
CONTACTS = "28 days"
# Counted from the event.
ACCESS_LOG = "routine.keep_access_log_months"
# As long as the account, or the authority's work, lasts.
ACCOUNT = "account"
ALWAYS = "always"

CATEGORIES = {
    "technical": _("keys, versions and caches; says nothing about anybody by itself"),
    "identity": _("who somebody is"),
    "contact": _("how somebody is reached"),
    "health": _("health data, Art. 9 GDPR"),
    "text": _("free text, sealed; may hold anything"),
    "work": _("what officials and rules did, and when"),
    "legal": _("orders and their service"),
    "staff": _("an official's account"),
    "secret": _("hashes and sealed tokens"),
    "setting": _("the authority's settings; about nobody"),
}

_FIELD_WORK = _(
    "Art. 6 (1) (c) and (e) GDPR with sections 16, 25, 28 to 30 IfSG and the state's "
    "law on public health"
)
_HEALTH = _(
    "Art. 9 (2) (i) GDPR with sections 16, 25, 28 to 30 IfSG and section 22 (1) no. 1 "
    "(c) BDSG or the state's law"
)
# Why each category may be kept. Defaults: each authority checks them against the law of
# its state. The keys of what is about nobody need none.
BASES = {
    "technical": _FIELD_WORK,
    "identity": _FIELD_WORK,
    "contact": _FIELD_WORK,
    "health": _HEALTH,
    "text": _HEALTH,
    "work": _FIELD_WORK,
    "legal": _FIELD_WORK,
    "staff": _("Art. 6 (1) (e) and 88 GDPR with the state's law on employees' data"),
    "secret": _("Art. 5 (1) (f) and 32 GDPR: security of processing"),
    "setting": _("none needed: about nobody"),
}
BASELESS = {"setting"}
ACCOUNTABLE = _("Art. 5 (2), 24 and 32 GDPR: to be able to show who did what")


@dataclass(frozen=True)
class Kept:
    """Purpose and period of a model's rows, and the category of each field."""

    purpose: str
    period: str
    fields: dict[str, str]
    # Another legal base than that of the category: of the whole model.
    basis: str = ""

    def base(self, category: str) -> str:
        """Return the legal base on which fields of this category are kept."""
        own = "" if category in BASELESS else self.basis
        return own or BASES[category]

    def category(self, field: str) -> str:
        """Return the category of a field; raises KeyError where nobody said."""
        for category, names in self.fields.items():
            if field in names.split():
                return category
        raise KeyError(field)


MODELS = {
    "cases.Person": Kept(
        "following people in isolation and quarantine (IfSG §§ 25, 28, 30)",
        ORDERS,
        {
            "technical": "id version search_grams",
            "identity": "given_name family_name birth_date birth_date_source sex "
            "search_text",
            "contact": "phone mobile email street postal_code city stay_street "
            "stay_postal_code stay_city stay_from stay_until language "
            "preferred_channel preferred_morning preferred_evening user",
            "health": "interpreter_needed hard_of_hearing no_internet lives_alone "
            "died_on last_entry_at last_entry_abnormal last_counting_symptom_at",
            "text": "remarks",
            "work": "protected recorded_at recorded_by last_reached_at",
        },
    ),
    "cases.ProtectedCircle": Kept(
        "who may see a protected person",
        DIARY,
        {"technical": "id", "work": "person user"},
    ),
    "cases.Reporter": Kept(
        "who may keep whose diary",
        DIARY,
        {
            "technical": "id",
            "identity": "user person kind since until",
            "work": "appointed_at appointed_by",
        },
    ),
    "cases.Disease": Kept(
        "the catalogue of diseases", ALWAYS, {"setting": "id code names"}
    ),
    "cases.Policy": Kept(
        "the rules an authority decides by",
        ALWAYS,
        {
            "setting": "id disease valid_from source isolation_days "
            "symptom_free_hours slots_considered slots_needed infectious_days_before "
            "infectious_days_after incubation_days quarantine_days household_days "
            "household_cap_days contact_categories immunity contact_days_asked "
            "asks_contacts_too cluster_from release_pcr_day release_antigen_day "
            "same_episode_days fever_cases fever_contacts "
            "fever_infants infant_months oxygen_emergency oxygen_worsening "
            "worsening_entries worsening_from groups legal_basis_isolation "
            "legal_basis_quarantine remedies shipped",
            "work": "drafted_at drafted_by approved_at approved_by",
        },
    ),
    "cases.PolicyExample": Kept(
        "worked examples that a policy must meet",
        ALWAYS,
        {"setting": "id policy title kind anchor_kind anchor_day circumstances until"},
    ),
    "cases.Routine": Kept(
        "slots, ladder, lives of codes, retention",
        ALWAYS,
        {
            "setting": "id valid_from slots_per_day morning_from evening_from "
            "entry_open_hours edit_minutes remind_morning remind_evening quiet_from "
            "quiet_until missing_after missing_after_if_at_risk old_age "
            "call_after_hours silent_after_hours letter_after_calls code_hours "
            "letter_code_days birth_date_tries not_registered_hours first_call_hours "
            "enrolled_hours contacts_told_hours "
            "end_warning_days ending_decided_by readable_days keep_diary_months "
            "keep_orders_months keep_access_log_months measure_oxygen "
            "staffed_clock on_call_minutes "
            "alarm_people_an_hour alarm_people_a_day alarm_listed_an_hour "
            "alarm_exports_a_day alarm_searches alarm_neighbours "
            "alarm_of_others alarm_night_from alarm_night_until alarm_at_night",
            "work": "drafted_at drafted_by",
        },
    ),
    "cases.Case": Kept(
        "investigating an infection (IfSG § 25)",
        ORDERS,
        {
            "technical": "id version",
            "identity": "person",
            "health": "disease classification onset_kind onset onset_source "
            "specimen_date variant found_by occupation sensitive_setting "
            "in_hospital_since in_hospital_until severe_course immune_suppressed "
            "infectious_until",
            "work": "laboratory_reference register_reference reported_at recorded_at "
            "recorded_by",
        },
    ),
    "cases.Test": Kept(
        "results that isolation and release rest on",
        ORDERS,
        {
            "technical": "id",
            "identity": "person case",
            "health": "kind specimen_date result reported_at laboratory",
            "work": "recorded_at recorded_by",
        },
    ),
    "cases.Monitoring": Kept(
        "following a person for a span of days",
        ORDERS,
        {
            "technical": "id version",
            "identity": "person",
            "health": "disease case kind anchor_kind anchor_day risk_category "
            "further_day not_ordered stated_kind stated_day "
            "stated_further conclusion",
            "legal": "status start until",
            "work": "enrolment assigned_to opened_at opened_by concluded_at "
            "concluded_by reported_at case_reported_at first_called_at invited_at "
            "registered_at "
            "enrolled_at told_at",
        },
    ),
    "cases.Order": Kept(
        "isolation and quarantine as legal acts (IfSG §§ 28, 30)",
        ORDERS,
        {
            "technical": "id",
            "identity": "monitoring",
            "legal": "effect start until legal_basis remedies steps policy replaces",
            "text": "reasons",
            "work": "proposed_at issued_at issued_by",
        },
    ),
    "cases.Service": Kept(
        "proof that an order reached the person",
        ORDERS,
        {
            "technical": "id",
            "legal": "order way served_at effective_on",
            "work": "served_by",
            "text": "note",
        },
    ),
    "cases.EnrolmentCode": Kept(
        "the way from an invitation to a diary",
        DIARY,
        {
            "technical": "id selector by_letter",
            "identity": "person",
            "secret": "verifier_hash token_hash",
            "work": "invited_at invited_by expires_at wrong_tries used_at used_by "
            "voided_at",
        },
    ),
    "cases.Acknowledgement": Kept(
        "that the notice under Art. 13 GDPR was shown",
        DIARY,
        {"technical": "id", "legal": "user notice seen_at"},
    ),
    "cases.Questionnaire": Kept(
        "what a person says when enrolling",
        DIARY,
        {
            "technical": "id version",
            "identity": "monitoring",
            "health": "has_symptoms onset onset_unknown symptoms doctor "
            "has_source_guess source_day has_conditions is_medical_staff "
            "met_vulnerable",
            "text": "source_guess conditions medical_staff vulnerable",
            "work": "details_saved_at contacts_named_at saved_at saved_by",
        },
    ),
    "cases.Escalation": Kept(
        "why an official must look, and how it was settled",
        DIARY,
        {
            "technical": "id subject_kind subject_id band rank policy",
            "identity": "person monitoring",
            "health": "reason facts eased_at withdrawn_at outcome",
            "text": "word",
            "work": "for_supervisor raised_at worsened_at due_at assigned_to "
            "snoozed_until settled_at settled_by",
        },
    ),
    "cases.EscalationOccasion": Kept(
        "what exactly raised an escalation",
        DIARY,
        {
            "technical": "id escalation subject_id occasion",
            "health": "reason facts happened_at",
        },
    ),
    "cases.OnCallAlarm": Kept(
        "that somebody was told of an emergency sign, and took it",
        DIARY,
        {
            "technical": "id escalation rounds next_at",
            "work": "news_at raised_at ended_at end telephone ended_by",
        },
    ),
    "cases.OnCallNotice": Kept(
        "which on-call telephone was told when",
        DIARY,
        {
            "technical": "id alarm round",
            "work": "telephone told_at",
            "secret": "token_hash",
        },
    ),
    "cases.Comment": Kept(
        "what officials tell each other about a person",
        DIARY,
        {
            "technical": "id",
            "identity": "person",
            "text": "text",
            "work": "written_at written_by",
        },
    ),
    "cases.CallAttempt": Kept(
        "when somebody was called, and whether reached",
        DIARY,
        {
            "technical": "id",
            "identity": "person monitoring",
            "contact": "number",
            "text": "note",
            "work": "outcome called_at called_by",
        },
    ),
    "cases.Revision": Kept(
        "what a change changed",
        DIARY,
        {
            "technical": "id event subject_kind subject verb",
            "identity": "person",
            "text": "changes",
            "work": "changed_at changed_by",
        },
    ),
    "cases.Immunity": Kept(
        "exempting contacts who are vaccinated or recovered",
        ORDERS,
        {
            "technical": "id",
            "identity": "person",
            "health": "disease kind day product dose",
            "work": "proof_seen_at proof_seen_by recorded_at recorded_by",
        },
    ),
    "contacts.Contact": Kept(
        "finding people who may have been infected (IfSG § 25)",
        CONTACTS,
        {
            "technical": "id version search_grams",
            "identity": "met case event guest_list person given_name family_name "
            "birth_date hint search_text",
            "contact": "phone mobile email street postal_code city",
            "health": "at_risk health_staff over_60 pre_existing urgent last_day",
            "text": "remark dismissed_why",
            "work": "state origin named_at named_by changed_at changed_by reviewed_at "
            "reviewed_by told_at told_by dismissed_at dismissed_by",
        },
    ),
    "contacts.Exposure": Kept(
        "weighing who must stay in quarantine, and until when (IfSG §§ 25, 28, 30)",
        CONTACTS,
        {
            "technical": "id version",
            "identity": "contact met case",
            "health": "day setting distance minutes masks place event monitoring "
            "is_infectious_day category",
            "text": "remark withdrawn_why",
            "work": "origin named_at named_by accepted_at accepted_by withdrawn_at "
            "withdrawn_by weighed_at",
        },
    ),
    "contacts.DayStatement": Kept(
        "that somebody was asked for a day, and met nobody",
        DIARY,
        {
            "technical": "id",
            "identity": "person",
            "health": "day said",
            "work": "stated_at stated_by",
        },
    ),
    "contacts.Event": Kept(
        "finding people who may have been infected at an event (IfSG § 25)",
        DIARY,
        {
            "technical": "id version",
            "health": "name kind place street postal_code city starts_at ends_at "
            "setting distance minutes masks",
            "contact": "host_name host_phone host_email",
            "text": "remark",
            "work": "recorded_at recorded_by discarded_at discarded_by",
        },
    ),
    "contacts.EventCase": Kept(
        "which cases were at an event",
        DIARY,
        {"technical": "id", "health": "event case", "work": "noted_at noted_by"},
    ),
    "contacts.GuestList": Kept(
        "where the participants of an event are known from",
        CONTACTS,
        {
            "technical": "id selector rows accepted rejected problems columns "
            "headings_hash",
            "secret": "token_hash verifier_hash",
            "text": "headings",
            "work": "event way asked_at asked_by expires_at wrong_tries voided_at "
            "received_at received_by file_name taken_at taken_by undone_at undone_by",
        },
    ),
    "contacts.GuestRow": Kept(
        "rows of a guest list until they became contacts",
        CONTACTS,
        {"technical": "id guest_list number state problems", "identity": "cells"},
    ),
    "contacts.SourceLink": Kept(
        "where a case may have caught it (IfSG § 25)",
        ORDERS,
        {
            "technical": "id",
            "health": "case source event day strength likely",
            "work": "found_at found_by rejected_at rejected_by",
        },
    ),
    "diaries.Symptom": Kept(
        "the catalogue of symptoms",
        ALWAYS,
        {
            "setting": "code names characteristic suspicious_for_cases "
            "suspicious_for_contacts counts emergency group position active"
        },
    ),
    "diaries.Entry": Kept(
        "the symptom diary",
        DIARY,
        {
            "technical": "id version opens ends deadline",
            "identity": "person",
            "health": "day half temperature symptoms fever_medicine oxygen pulse",
            "text": "note",
            "work": "reported_at reported_by via amended_at amended_by",
        },
    ),
    "accounts.User": Kept(
        "logins of staff and citizens",
        ACCOUNT,
        {
            "technical": "id language created_at last_login session_epoch",
            "identity": "name",
            "contact": "email mobile",
            "staff": "roles is_active active_until",
            "secret": "password",
        },
    ),
    "accounts.Role": Kept(
        "what officials may do", ALWAYS, {"setting": "code name permissions"}
    ),
    "accounts.StaffInvitation": Kept(
        "the way to a staff account",
        ACCOUNT,
        {
            "technical": "id",
            "staff": "name email roles active_until invited_at invited_by expires_at "
            "accepted_at accepted_by voided_at",
            "secret": "token_hash",
        },
    ),
    "cases.Logo": Kept(
        "the picture on the authority's letters",
        ALWAYS,
        {
            "setting": "code version kind content",
            "work": "uploaded_at uploaded_by",
        },
    ),
    "cases.PrintRun": Kept(
        "which letters were printed and posted together, by whom",
        ORDERS,
        {
            "technical": "id prints",
            "work": "opened_at opened_by printed_at printed_by posted_at posted_by "
            "put_back_at put_back_by",
        },
    ),
    "cases.Letter": Kept(
        "a letter's place in a print run",
        ORDERS,
        {"technical": "id message position", "identity": "person", "work": "run kind"},
    ),
    "cases.Proof": Kept(
        "whether an order or certificate is genuine, asked by its code",
        ORDERS,
        {
            "technical": "id about",
            "identity": "initials",
            "legal": "kind start until issued_on",
            "secret": "token token_hash",
            "work": "made_at",
        },
    ),
    "notifications.Message": Kept(
        "what people were told, and whether it arrived",
        DIARY,
        {
            "technical": "id purpose template rung language text_version parameters "
            "not_before expires_at attempts claimed_until segments reference",
            "identity": "about",
            "contact": "channel recipient",
            "secret": "token",
            "work": "state written_at sent_at failed_at delivered_at undelivered_at "
            "problem",
        },
    ),
    "notifications.BoxedMessage": Kept(
        "messages of a practice authority, which are never sent",
        ALWAYS,
        {"technical": "id message", "text": "subject body", "work": "kept_at"},
    ),
    "notifications.TextVersion": Kept(
        "what messages and letters say",
        ALWAYS,
        {
            "technical": "id number",
            "setting": "template channel language source",
            "work": "written_at written_by",
        },
    ),
    "audit.Event": Kept(
        "who did or saw what on whom",
        ACCESS_LOG,
        {
            "technical": "id subject_kind subject request_id codes fields",
            "identity": "person shown",
            "work": "at actor actor_kind verb address",
        },
        basis=ACCOUNTABLE,
    ),
    "oversight.Alarm": Kept(
        "noticing that officials read what is not their work",
        ACCESS_LOG,
        {
            "technical": "id occasion facts",
            "identity": "person",
            "work": "rule actor happened_at raised_at settled_at settled_by outcome",
            "text": "word",
        },
        basis=ACCOUNTABLE,
    ),
    "audit.Seal": Kept(
        "proof that the audit trail is whole",
        ACCESS_LOG,
        {"technical": "id event position sealed_at before hash"},
        basis=ACCOUNTABLE,
    ),
    "desk.SetUpMark": Kept(
        "what an administrator said of the first hour",
        ALWAYS,
        {"work": "step made_at made_by"},
    ),
    "health_authorities.HealthAuthority": Kept(
        "who we work for",
        ALWAYS,
        {
            "setting": "id schema_name name short_name rki_code federal_state district "
            "region time_zone default_language street postal_code city cases_phone "
            "cases_email contacts_phone contacts_email sender founded_at "
            "sender_name staffed_hours closed_on_holidays special_days on_call_phone "
            "on_call_phone_second session_hours version sms_sender is_practice "
            "practice_played_at practice_claimed_at"
        },
    ),
    "health_authorities.Domain": Kept(
        "where authorities are reached",
        ALWAYS,
        {"setting": "id domain tenant is_primary"},
    ),
    "health_authorities.Office": Kept(
        "the national register of offices",
        ALWAYS,
        {
            "setting": "id code name department street postal_code city phone email "
            "cases_phone cases_email"
        },
    ),
    "health_authorities.SearchText": Kept(
        "which office a postal code belongs to", ALWAYS, {"setting": "id office text"}
    ),
    "health_authorities.FoundingRequest": Kept(
        "founding an authority",
        ALWAYS,
        {
            "setting": "id name short_name schema_name host rki_code federal_state "
            "region sender state step claimed_until finished_at problem",
            "staff": "administrator_name administrator_email",
            "work": "requested_at requested_by",
        },
    ),
    "health_authorities.PlacementRequest": Kept(
        "where an authority's rows live",
        ALWAYS,
        {
            "setting": "id authority region state ranges_there ranges claimed_until "
            "finished_at problem",
            "work": "requested_at requested_by",
        },
    ),
}
