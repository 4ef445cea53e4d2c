import datetime as dt
import uuid
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)

    def create_user(
        self, *, email: str | None, password: str | None = None, **fields: Any
    ) -> "User":
        """Return a new login; no password means that none opens it."""
        user = self.model(email=email.lower() if email else None, **fields)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """A login at one authority: staff with roles, or a citizen without any."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), null=True, unique=True)  # noqa: DJ001 - unique
    mobile = PhoneNumberField(_("mobile"), null=True, unique=True)
    name = models.CharField(_("name"), max_length=120)
    roles = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    language = models.CharField(max_length=8, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    # Staff accounts end by themselves on this day, last day included.
    active_until = models.DateField(_("active until"), null=True, blank=True)
    created_at = models.DateTimeField()
    # Rises when roles, password or second factor change: older sessions end.
    session_epoch = models.PositiveIntegerField(default=0)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.name

    @property
    def is_staff(self) -> bool:
        """Whether this is an official or an operator (Django admin asks, too)."""
        return bool(self.roles)

    @cached_property
    def permissions(self) -> frozenset[str]:
        """The named permissions of all roles, such as `cases.invite`."""
        if not self.roles or not self.is_active:
            return frozenset()
        lists = Role.objects.filter(code__in=self.roles).values_list(
            "permissions", flat=True
        )
        return frozenset(name for names in lists for name in names)

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # A session ends with the password, or with the epoch, it began under.
        return salted_hmac(
            "quarano.accounts.session",
            f"{self.password}|{self.session_epoch}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def is_over(self, on: dt.date) -> bool:
        return self.active_until is not None and on > self.active_until

    # Django's admin and allauth ask these names.
    @property
    def is_superuser(self) -> bool:
        return False

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.may("site.administer")

    def has_module_perms(self, app_label: str) -> bool:
        return self.may("site.administer")

    def get_full_name(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in [*words[:1], *words[1:][-1:]]).upper()


class Role(models.Model):
    """A named set of permissions; a new role is one row more."""

    code = models.CharField(primary_key=True, max_length=30)
    name = models.CharField(_("name"), max_length=60)
    permissions = ArrayField(models.CharField(max_length=60), default=list)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")

    def __str__(self) -> str:
        return self.name


class StaffInvitation(models.Model):
    """A random link, good once, that ends in a staff account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"))
    roles = ArrayField(models.CharField(max_length=30), default=list)
    active_until = models.DateField(_("active until"), null=True, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_at = models.DateTimeField(editable=False)
    # Empty for the first administrator, whom the founding invites.
    invited_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="invitations_sent"
    )
    expires_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    accepted_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="invitation_accepted"
    )
    voided_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("staff invitation")
        verbose_name_plural = _("staff invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=models.Q(accepted_at__isnull=True, voided_at__isnull=True),
                name="one_open_staff_invitation",
            )
        ]

    def __str__(self) -> str:
        return self.name
