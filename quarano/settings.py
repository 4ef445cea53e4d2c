"""One file: environment in, defaults that fit development."""

import os
from datetime import timedelta
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from quarano.cockroach import address

BASE_DIR = Path(__file__).resolve().parent.parent


def flag(name: str, *, default: bool = False) -> bool:
    """Whether the environment variable says yes: 1, true, yes or on."""
    value = os.environ.get(name)
    return default if value is None else value.lower() in {"1", "true", "yes", "on"}


# DEBUG in the environment: a look around on one machine, over http, with keys known to
# everybody. Only Django's pages for programmers are not for who looks at the demo.
DEVELOPMENT = flag("DEBUG")
DEMO = flag("DEMO")
DEBUG = DEVELOPMENT and not DEMO

# Secrets have no default outside DEBUG: Django refuses an empty SECRET_KEY by itself.
SECRET_KEY = os.environ.get(
    "SECRET_KEY", "only-for-development" * 3 if DEVELOPMENT else ""
)
# 32 bytes in base64, comma-separated, newest first: opens the sealed columns.
FIELD_KEYS = [
    key
    for key in os.environ.get(
        "FIELD_KEYS",
        "ZGV2ZWxvcG1lbnQtb25seS0zMi1ieXRlcy1sb25nISE=" if DEVELOPMENT else "",
    ).split(",")
    if key
]

# --- Where we are reached ------------------------------------------------------------

PUBLIC_HOST = os.environ.get("PUBLIC_HOST", "localhost")
PORT = os.environ.get("PORT", "8000")
# Own middleware answers 404 to a host that no Domain names; Django's list cannot know
# the authorities, which come and go without a restart.
ALLOWED_HOSTS = ["*"] if DEVELOPMENT else os.environ.get("ALLOWED_HOSTS", "").split(",")
# Whether a proxy of ours says whom we speak with; else nobody's header is believed.
BEHIND_PROXY = flag("BEHIND_PROXY")
SITE_SCHEME = "http" if DEVELOPMENT else "https"
SITE_PORT = f":{PORT}" if DEVELOPMENT else os.environ.get("SITE_PORT", "")

# --- Apps ----------------------------------------------------------------------------

BOTH = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "quarano.audit",
    "quarano.notifications",
    "quarano.accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.admin",
]
SHARED_APPS = [
    "django_tenants",
    "quarano",
    "health_authorities",
    *BOTH,
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
    "template_partials",
    "phonenumber_field",
    "csp",
]
TENANT_APPS = [
    *BOTH,
    "cases",
    "contacts",
    "diaries",
    "quarano.oversight",
    "quarano.desk",
]
INSTALLED_APPS = [
    *SHARED_APPS,
    "cases",
    "contacts",
    "diaries",
    "quarano.oversight",
    "quarano.desk",
]
if DEMO:
    INSTALLED_APPS.append("quarano.demo")

MIDDLEWARE = [
    "quarano.metrics.requests.measured",
    "quarano.middleware.read_to_end",
    # Outermost, so that refused hosts, redirects and static files have them too.
    "quarano.middleware.headers",
    "csp.middleware.CSPMiddleware",
    # Before anybody asks who the host is, or sends to https.
    "quarano.metrics.probes.probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pages of random length, so that sizes betray nothing (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "quarano.audit.middleware.request_id",
    "quarano.middleware.never_empty",
    "health_authorities.middleware.AuthorityMiddleware",
    "quarano.accounts.sessions.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "quarano.htmx.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "quarano.accounts.middleware.SecondFactorMiddleware",
]

if DEMO:
    # Before the first statement: while the story is told there may be no tables.
    MIDDLEWARE.insert(
        MIDDLEWARE.index("django.middleware.gzip.GZipMiddleware"),
        "quarano.demo.waiting.WaitingMiddleware",
    )

ROOT_URLCONF = "quarano.urls"
PUBLIC_SCHEMA_URLCONF = "quarano.urls_public"
WSGI_APPLICATION = "quarano.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["quarano.templatetags.quarano"],
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "quarano.context.page",
            ],
        },
    }
]
FORM_RENDERER = "quarano.forms.Renderer"

# --- Database ------------------------------------------------------------------------

# `app` may read and write rows; `owner` may also make tables, found authorities and
# erase audit events. Where one address serves both, `app` takes the role quarano_app.
DATABASE_AS = os.environ.get("DATABASE_AS", "app")
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql:///quarano")
DATABASE_OWNER_URL = os.environ.get("DATABASE_OWNER_URL", "")
DATABASE_ROLE = "quarano_app" if DATABASE_AS == "app" else ""

_address = DATABASE_OWNER_URL if DATABASE_AS == "owner" else ""
_address = _address or DATABASE_URL
ORIGINAL_BACKEND = (
    "django_cockroachdb"
    if address.is_cockroach(_address)
    else "django.db.backends.postgresql"
)
DATABASES = {
    "default": address.parse(
        _address,
        engine="quarano.cockroach",
        conn_max_age=int(os.environ.get("CONN_MAX_AGE", "600")),
        # A connection that was kept is asked before it is used again: its node may
        # have died.
        conn_health_checks=True,
    )
}
DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_DATABASE_NAME")}
DATABASE_ROUTERS = ("django_tenants.routers.TenantSyncRouter",)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DISABLE_COCKROACHDB_TELEMETRY = True
STATEMENT_TIMEOUT_MS = int(os.environ.get("STATEMENT_TIMEOUT_MS", "15000"))

TENANT_MODEL = "health_authorities.HealthAuthority"
TENANT_DOMAIN_MODEL = "health_authorities.Domain"
TENANT_LIMIT_SET_CALLS = True
TENANT_CREATION_FAKES_MIGRATIONS = False
AUTHORITY_CACHE_SECONDS = 0 if DEBUG else 30

# --- Redis ---------------------------------------------------------------------------

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "quarano.forgetful.ForgetfulCache",
        # redis-py says unix://, Celery says redis+socket:// for the same socket.
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://"),
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    },
    # Counts that no authority owns: tries per address over all authorities together.
    "shared": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://"),
        "KEY_PREFIX": "shared",
    },
}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 600
# One at a time, so that what is urgent waits behind nobody's stock of tasks.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# How many workers may hand over messages of one authority at a time.
DELIVERY_LANES = int(os.environ.get("DELIVERY_LANES", "4"))
# A page that writes a message must not wait for a broker that is away (6 s a message
# otherwise): the sweep finds what was not queued. Workers and beat ask for ever.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- Being watched -------------------------------------------------------------------

# Whom /metrics/ answers: a bearer of this; nobody where it is empty.
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")
# How long after beat's last tick /readyz/ says that it has stopped.
BEAT_SECONDS = int(os.environ.get("BEAT_SECONDS", "300"))

# --- Signing in ----------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "quarano.accounts.passwords.LengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "quarano.accounts.passwords.WordsValidator"},
    {
        "NAME": "django.contrib.auth.password_validation"
        ".UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "quarano.accounts.adapter.AccountAdapter"
MFA_ADAPTER = "quarano.accounts.adapter.MFAAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email", "phone"}
# Nobody signs up; allauth reads from this which kinds of login there are.
ACCOUNT_SIGNUP_FIELDS = ["email*", "phone", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PHONE_VERIFICATION_ENABLED = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_FORMS = {
    "login": "quarano.accounts.forms.LoginForm",
    "reauthenticate": "quarano.accounts.forms.ReauthenticateForm",
    "reset_password": "quarano.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "quarano.accounts.forms.ResetPasswordKeyForm",
    "change_password": "quarano.accounts.forms.ChangePasswordForm",
}
# Counted over all authorities together; 60 officials share one office's address.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "100/h/ip,10/5m/key",
    "reset_password": "20/h/ip,5/h/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
PASSWORD_RESET_TIMEOUT = 60 * 60
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
# A passkey alone is two factors: it is opened by finger, face or PIN.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = "Quarano"
# A clock may be one step off; what was used once is refused (accounts.forms).
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "quarano.accounts.forms.AuthenticateForm",
    "reauthenticate": "quarano.accounts.forms.SecondFactorReauthenticateForm",
    "activate_totp": "quarano.accounts.forms.ActivateTOTPForm",
}
USERSESSIONS_TRACK_ACTIVITY = False

SESSION_ENGINE = "quarano.accounts.sessions"
SESSION_COOKIE_AGE = 30 * 60
SESSION_ABSOLUTE_AGE = timedelta(hours=12)
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
DEVICE_COOKIE_NAME = "device"
if not DEVELOPMENT:
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    LANGUAGE_COOKIE_NAME = "__Host-language"
    DEVICE_COOKIE_NAME = "__Host-device"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Not in a cookie: what was done to whom is nothing for a browser to keep.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- What the browser may do ---------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
# Not `no-referrer`: browsers then send `Origin: null`, and every form is refused.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "quarano.views_errors.csrf_failure"
# A form without its files, in bytes: the proxy's client_max_body_size.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
# The citizen's steps between the account and the first entry, by url name.
ENROLMENT_STEPS = [
    "enrolment:notice",
    "enrolment:details",
    "enrolment:questionnaire",
    "contacts:asked",
]
POLL_SECONDS = int(os.environ.get("POLL_SECONDS", "10" if DEMO else "60"))

# --- Mail and SMS --------------------------------------------------------------------

EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "1025"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "quarano@localhost")
# Where mail comes back to that cannot be delivered; each leaves as name+mark@domain.
BOUNCE_ADDRESS = os.environ.get("BOUNCE_ADDRESS", "")
BOUNCE_IMAP_HOST = os.environ.get("BOUNCE_IMAP_HOST", "")
BOUNCE_IMAP_PORT = int(os.environ.get("BOUNCE_IMAP_PORT", "993"))
BOUNCE_IMAP_USER = os.environ.get("BOUNCE_IMAP_USER", "")
BOUNCE_IMAP_PASSWORD = os.environ.get("BOUNCE_IMAP_PASSWORD", "")
BOUNCE_IMAP_FOLDER = os.environ.get("BOUNCE_IMAP_FOLDER", "INBOX")
BOUNCE_IMAP_TLS = flag("BOUNCE_IMAP_TLS", default=True)
# What the domain's records should say of the mail server (manage.py check_mail).
MAIL_SPF = os.environ.get("MAIL_SPF", "")
DKIM_SELECTOR = os.environ.get("DKIM_SELECTOR", "")
DKIM_PUBLIC_KEY = os.environ.get("DKIM_PUBLIC_KEY", "")

SMS_GATEWAY_URL = os.environ.get("SMS_GATEWAY_URL", "")
SMS_GATEWAY_TOKEN = os.environ.get("SMS_GATEWAY_TOKEN", "")
# An entry of quarano.notifications.gateway.ADAPTERS, or a file that describes one.
SMS_ADAPTER = os.environ.get("SMS_ADAPTER", "quarano")
SMS_SENDER = os.environ.get("SMS_SENDER", "Quarano")
SMS_CA_FILE = os.environ.get("SMS_CA_FILE", "")
SMS_CONNECT_SECONDS = float(os.environ.get("SMS_CONNECT_SECONDS", "5"))
SMS_READ_SECONDS = float(os.environ.get("SMS_READ_SECONDS", "20"))
SMS_MOST_SEGMENTS = int(os.environ.get("SMS_MOST_SEGMENTS", "4"))

TRANSPORTS = {
    "mail": "quarano.notifications.transports.Mail",
    "sms": "quarano.notifications.gateway.Gateway"
    if SMS_GATEWAY_URL
    else "quarano.notifications.transports.Console",
}
# How an on-call telephone is told. `voice` beside it needs a transport of its own in
# TRANSPORTS; it reads out cases/messages/on_call.voice.txt.
ON_CALL_CHANNELS = os.environ.get("ON_CALL_CHANNELS", "sms").split(",")

# --- Languages, time, files ----------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("de", _("German")), ("en", _("English"))]
FORMAT_MODULE_PATH = ["quarano.formats"]
LOCALE_PATHS = [BASE_DIR / "quarano" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
PHONENUMBER_DEFAULT_REGION = "DE"
PHONENUMBER_DEFAULT_FORMAT = "INTERNATIONAL"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT
WHITENOISE_AUTOREFRESH = DEBUG

# --- Logs: to stdout, never a name, an address or a symptom --------------------------

# `json`: an object a line, for whatever gathers logs; `plain` for eyes.
LOG_FORMAT = os.environ.get("LOG_FORMAT", "plain" if DEVELOPMENT else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": "quarano.logs.Structured"
            if LOG_FORMAT == "json"
            else "quarano.logs.Plain"
        }
    },
    "filters": {"discreet": {"()": "quarano.logs.Discreet"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "lines",
            "filters": ["discreet"],
        },
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stdout"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": True},
        # A line for each request; at a developer's desk `django.server` says it.
        "quarano.requests": {"level": "WARNING" if DEVELOPMENT else "INFO"},
        # Django's own handlers would mail tracebacks; a traceback can hold a name.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # It tells the id of every passkey that is used.
        "fido2": {"handlers": [], "level": "WARNING", "propagate": True},
        # Every scanner knocks under some other name.
        "django.security.DisallowedHost": {
            "handlers": ["nowhere"],
            "propagate": False,
        },
    },
}
