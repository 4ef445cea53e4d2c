"""The words of the field in plain sentences, for whoever is new to them."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Word:
    """A word, what it means, and where the meaning comes from, if from outside."""

    code: str
    word: Text
    meaning: Text
    source: Text = ""


WORDS = (
    Word(
        "index-case",
        _("Index case"),
        _(
            "Somebody with the infection, suspected, probable or confirmed. Each "
            "infection of the same person is a case of its own."
        ),
    ),
    Word(
        "contact",
        _("Contact"),
        _("Somebody who met a case while that case was infectious."),
    ),
    Word(
        "exposure",
        _("Exposure"),
        _(
            "One meeting of one contact with one case on one day: where, how close, "
            "how long."
        ),
    ),
    Word(
        "infectious-period",
        _("Infectious period"),
        _(
            "The days on which a case can infect others: as a rule from 2 days before "
            "the first symptom until 10 days after it. Without a symptom, the first "
            "positive specimen takes its place."
        ),
        _("Robert Koch Institute, contact tracing for SARS-CoV-2"),
    ),
    Word(
        "incubation-period",
        _("Incubation period"),
        _(
            "The time from the infection to the first symptom. A quarantine lasts "
            "about as long, because only then is it clear who fell ill."
        ),
    ),
    Word(
        "onset",
        _("Symptom onset"),
        _("The day of the first symptom. Isolation is counted from it: it is day 0."),
    ),
    Word(
        "specimen-date",
        _("Specimen date"),
        _(
            "The day on which the swab was taken, not the day of the result. Where "
            "nobody knows the onset, isolation is counted from it."
        ),
    ),
    Word(
        "anchor",
        _("Day 0"),
        _(
            "The day from which is counted: onset, specimen or last exposure. 'Until "
            "day 10' includes all of day 10; from 00:00 of the day after one is free."
        ),
    ),
    Word(
        "isolation",
        _("Isolation"),
        _("Staying apart because one is infected. For cases."),
        _("Section 30 Infection Protection Act (IfSG)"),
    ),
    Word(
        "quarantine",
        _("Quarantine"),
        _("Staying apart because one may have been infected. For contacts."),
        _("Section 30 Infection Protection Act (IfSG)"),
    ),
    Word(
        "monitoring",
        _("Monitoring"),
        _(
            "The time in which we follow a person: calls, diary, end. It is not the "
            "order; each ends by itself."
        ),
    ),
    Word(
        "order",
        _("Order"),
        _(
            "The legal act that starts, extends, shortens or lifts isolation or "
            "quarantine. A rule only proposes it; a named official issues it. Once "
            "issued it is never edited, only followed by another."
        ),
        _("Sections 28 to 30 Infection Protection Act (IfSG)"),
    ),
    Word(
        "service",
        _("Service"),
        _("Making an order known to the person. No duty begins before that."),
    ),
    Word(
        "diary-entry",
        _("Diary entry"),
        _("Temperature and symptoms of one half of a day, reported by the person."),
    ),
    Word(
        "slot",
        _("Slot"),
        _(
            "Morning or evening: the time to which a diary entry belongs. Overdue: it "
            "ended without an entry. Missed: it can no longer be entered."
        ),
    ),
    Word(
        "escalation",
        _("Escalation"),
        _(
            "Why somebody must look at a person. A rule raises it; some go away by "
            "themselves, medical ones only when an official settles them."
        ),
    ),
    Word(
        "eased",
        _("Eased"),
        _(
            "A better entry followed: the escalation is less urgent, and still open. "
            "Nothing eases after medicine against fever."
        ),
    ),
    Word(
        "snoozed",
        _("Snoozed"),
        _("Put off until a moment of your choosing. Something worse wakes it at once."),
    ),
    Word(
        "ladder",
        _("Reminder ladder"),
        _(
            "What happens when no entry comes: a reminder, another way, the "
            "representative, a call, the supervisor, a letter or visit. Any entry, or "
            "a call that reached the person, stops it."
        ),
    ),
    Word(
        "enrolment",
        _("Enrolment"),
        _(
            "The way to the diary: invited, registered, enrolled. 'By phone' means "
            "that we enter everything for the person."
        ),
    ),
    Word(
        "representative",
        _("Representative"),
        _("Somebody who keeps the diary for a child or an adult who wants that."),
    ),
    Word("disease", _("Disease"), _("What is traced; each has rules of its own.")),
    Word(
        "policy",
        _("Policy"),
        _(
            "The dated numbers of a disease: days, limits, groups of symptoms. A new "
            "version begins on its day and changes nothing that was decided before."
        ),
    ),
    Word(
        "routine",
        _("Routine"),
        _("The same for all diseases: slots, reminders, hours, how long we keep what."),
    ),
    Word(
        "protected",
        _("Protected person"),
        _(
            "Only named officials see more than that the person exists. Others are "
            "told whom to ask."
        ),
    ),
    Word(
        "authority",
        _("Health authority"),
        _("A regional health office. No authority sees the people of another."),
    ),
)
BY_CODE = {word.code: word for word in WORDS}
