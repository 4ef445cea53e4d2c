import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quarano.settings")
os.environ.setdefault("DATABASE_AS", "app")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
