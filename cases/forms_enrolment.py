import datetime as dt
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from cases.forms.fields import MobileField, PostalCodeField, TelephoneField
from cases.models import Person, Questionnaire, Reporter
from quarano.accounts.forms import HINT, login_name, password_field
from quarano.accounts.models import User
from quarano.accounts.passwords import CITIZEN
from quarano.forms import Choices, ManyChoices, SplitDateField, Toggle

OLDEST = dt.timedelta(days=366 * 120)


class BirthDateForm(forms.Form):
    """What a link asks for."""

    birth_date = SplitDateField(
        label=_("Your birth date"),
        help_text=_("For example, 2 3 1992"),
        birth=True,
        error_messages={"required": _("Enter day, month and year.")},
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_birth_date(self) -> dt.date:
        day: dt.date = self.cleaned_data["birth_date"]
        if not self.today - OLDEST <= day <= self.today:
            raise ValidationError(_("Check the year."))
        return day


class CodeForm(BirthDateForm):
    """What a typed code asks for, in the order of the letter."""

    code = forms.CharField(
        label=_("Your code"),
        help_text=_("Capitals and hyphens do not matter."),
        max_length=60,
        widget=forms.TextInput(
            {
                "class": "code",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
        error_messages={"required": _("Enter the code.")},
    )
    field_order = ["code", "birth_date"]


class RegisterForm(forms.Form):
    """The login of somebody who keeps a diary."""

    login = forms.CharField(
        label=_("E-mail or mobile number"),
        help_text=_("You sign in with it, and get a code there on a new device."),
        max_length=254,
        widget=forms.TextInput({"autocomplete": "email", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["password"] = password_field(
            _("Choose a password"),
            autocomplete="new-password",
            help_text=HINT % {"least": CITIZEN},
        )

    def clean_login(self) -> str:
        login = login_name(self.cleaned_data["login"])
        if not login.startswith("+"):
            try:
                validate_email(login)
            except ValidationError:
                raise ValidationError(
                    _("Enter an e-mail address, or a mobile number with its prefix.")
                ) from None
        return login

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        email = self.cleaned_data.get("login", "")
        validate_password(password, User(name=self.name, email=email))
        return password

    @property
    def address(self) -> dict[str, str]:
        """The login as the argument `email` or `mobile` of a process."""
        login = self.cleaned_data["login"]
        return {"mobile" if login.startswith("+") else "email": login}


class ReportForForm(forms.Form):
    """Somebody with a login keeps another person's diary too."""

    kind = forms.ChoiceField(
        label=_("You are, for this person"),
        widget=Choices,
        choices=[
            (Reporter.Kind.CUSTODY.value, _("parent, with custody")),
            (Reporter.Kind.GUARDIAN.value, _("guardian")),
            (Reporter.Kind.POWER.value, _("holder of a power of attorney")),
            (Reporter.Kind.HELPER.value, _("helper")),
        ],
    )


class _Remembers(forms.ModelForm):
    """Knows what was changed on the page, whatever others saved meanwhile."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].initial = self.instance.version
        for name, field in self.fields.items():
            field.show_hidden_initial = name != "version"

    @property
    def changes(self) -> dict[str, Any]:
        """Field → value of what was changed here, to be asked of a valid form."""
        return {
            name: self.cleaned_data[name]
            for name in self.changed_data
            if name != "version"
        }

    def renewed(self, version: int) -> "_Remembers":
        """Return the same form to be sent once more, against the version of now."""
        data: Any = self.data
        data = data.copy()
        data[self.add_prefix("version")] = str(version)
        return type(self)(data, instance=self.instance, **self.again)

    again: dict[str, Any] = {}


def _line(label: Any, length: int, autocomplete: str, missing: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=length,
        error_messages={"required": missing},
        widget=forms.TextInput({"autocomplete": autocomplete}),
    )


class DetailsForm(_Remembers):
    street = _line(
        _("Street and number"), 160, "street-address", _("Enter street and number.")
    )
    postal_code = PostalCodeField(
        label=_("Postal code"),
        max_length=10,
        error_messages={"required": _("Enter the postal code.")},
        widget=forms.TextInput({"autocomplete": "postal-code", "inputmode": "numeric"}),
    )
    city = _line(_("Town"), 120, "address-level2", _("Enter the town."))
    mobile = MobileField(label=_("Mobile"))
    phone = TelephoneField(label=_("Another phone"))
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        widget=forms.EmailInput({"autocomplete": "email"}),
    )
    preferred_channel = forms.ChoiceField(
        label=_("How shall we remind you?"),
        required=False,
        choices=[
            (Person.Channel.MAIL.value, _("By e-mail")),
            (Person.Channel.SMS.value, _("By text message")),
        ],
        widget=Choices,
    )
    lives_alone = forms.BooleanField(
        label=_("I live alone"), required=False, widget=Toggle
    )
    hard_of_hearing = forms.BooleanField(
        label=_("I am hard of hearing"), required=False, widget=Toggle
    )
    interpreter_needed = forms.BooleanField(
        label=_("I need an interpreter"), required=False, widget=Toggle
    )

    class Meta:
        model = Person
        fields = [
            "street", "postal_code", "city", "mobile", "phone", "email",
            "preferred_channel", "lives_alone", "hard_of_hearing",
            "interpreter_needed",
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        ways = ("mobile", "phone", "email")
        if not any(cleaned.get(way) or self.errors.get(way) for way in ways):
            self.add_error("mobile", _("Give us at least one way to reach you."))
        channel = cleaned.get("preferred_channel")
        if channel == Person.Channel.MAIL and not cleaned.get("email"):
            self.add_error("email", _("Reminders by e-mail need an address."))
        if channel == Person.Channel.SMS and not cleaned.get("mobile"):
            self.add_error("mobile", _("Text messages need a mobile number."))
        return cleaned


class Symptoms(ManyChoices):
    """The first of the catalogue at once, the rare ones behind 'Something else'."""

    template_name = "enrolment/_symptoms.html"


def _yes_or_no(label: Any) -> forms.TypedChoiceField:
    """Yes or no, neither chosen beforehand."""
    return forms.TypedChoiceField(
        label=label,
        choices=[("True", _("Yes")), ("False", _("No"))],
        coerce=lambda value: value == "True",
        empty_value=None,
        widget=Choices,
        error_messages={"required": _("Choose yes or no.")},
    )


def _words(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": _("You chose yes: tell us in a few words.")},
    )


class QuestionnaireForm(_Remembers):
    """The questions of the enrolment; each yes with its words."""

    has_symptoms = _yes_or_no(_("Do you have symptoms, or did you have any?"))
    symptoms = forms.MultipleChoiceField(
        label=_("Which?"), required=False, widget=Symptoms
    )
    onset = SplitDateField(label=_("First symptom on"), required=False)
    onset_unknown = forms.BooleanField(
        label=_("I do not know the day"), required=False, widget=Toggle
    )
    doctor = forms.CharField(
        label=_("Your family doctor"), required=False, max_length=160
    )
    has_source_guess = _yes_or_no(
        _("Do you have an idea where the infection may come from?")
    )
    source_guess = _words(_("Where, from whom?"))
    source_day = SplitDateField(label=_("On which day?"), required=False)
    has_conditions = _yes_or_no(_("Do you have pre-existing conditions?"))
    conditions = _words(_("Which?"))
    is_medical_staff = _yes_or_no(_("Do you work in care or medicine?"))
    medical_staff = _words(_("Where?"))
    met_vulnerable = _yes_or_no(
        _("Are you in contact with people who are particularly at risk?")
    )
    vulnerable = _words(_("With whom?"))

    class Meta:
        model = Questionnaire
        fields = [
            "has_symptoms", "symptoms", "onset", "onset_unknown", "doctor",
            "has_source_guess", "source_guess", "source_day", "has_conditions",
            "conditions", "is_medical_staff", "medical_staff", "met_vulnerable",
            "vulnerable",
        ]  # fmt: skip

    # What a yes asks for must not be asked of a no by the browser.
    use_required_attribute = False
    # Each question, and the words that a yes asks for.
    PAIRS = {
        "has_source_guess": "source_guess",
        "has_conditions": "conditions",
        "is_medical_staff": "medical_staff",
        "met_vulnerable": "vulnerable",
    }

    def __init__(
        self, *args: Any, today: dt.date, names: dict[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.again = {"today": today, "names": names}
        self.today = today
        self.fields["symptoms"].choices = list(names.items())  # type: ignore[attr-defined]
        if not names:
            del self.fields["symptoms"]
        for question, words in self.PAIRS.items():
            answer = self.data.get(self.add_prefix(question))
            self.fields[words].required = not self.is_bound or answer == "True"

    @property
    def asks(self) -> list[tuple[forms.BoundField, list[forms.BoundField]]]:
        """Each question, and the fields that open with a yes."""
        follow = {
            "has_symptoms": ["symptoms", "onset", "onset_unknown"],
            "doctor": [],
            "has_source_guess": ["source_guess", "source_day"],
            "has_conditions": ["conditions"],
            "is_medical_staff": ["medical_staff"],
            "met_vulnerable": ["vulnerable"],
        }
        return [
            (self[question], [self[name] for name in names if name in self.fields])
            for question, names in follow.items()
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for question, words in self.PAIRS.items():
            if cleaned.get(question) is False:
                cleaned[words] = ""
        for name in ("onset", "source_day"):
            if (cleaned.get(name) or self.today) > self.today:
                self.add_error(name, _("This day has not come yet."))
        if cleaned.get("has_source_guess") is False:
            cleaned["source_day"] = None
        self._clean_onset(cleaned)
        return cleaned

    def _clean_onset(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("has_symptoms"):
            cleaned |= {"symptoms": [], "onset": None, "onset_unknown": False}
            return
        day, unknown = cleaned.get("onset"), cleaned.get("onset_unknown")
        if day and unknown:
            self.add_error("onset", _("Either a day, or not known."))
        elif not day and not unknown and "onset" not in self.errors:
            self.add_error("onset", _("Enter the day, or say that you do not know it."))
