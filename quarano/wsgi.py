import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quarano.settings")
os.environ.setdefault("DATABASE_AS", "app")

from django.core.wsgi import get_wsgi_application  # noqa: E402  (needs the environment)

application = get_wsgi_application()
