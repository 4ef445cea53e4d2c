import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quarano.settings")
os.environ.setdefault("DATABASE_AS", "app")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from health_authorities.schemas import say_who_lags  # noqa: E402 - after the apps

if not settings.DEMO:  # where the page comes before the tables
    say_who_lags()
