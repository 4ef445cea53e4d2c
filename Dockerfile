# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/quarano
COPY requirements.txt requirements-dev.txt ./
RUN /opt/quarano/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# Babel compiles the translations here and stays behind.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . .
RUN DEBUG=true /opt/build/bin/python manage.py messages --compile-only \
 && DATABASE_URL=postgresql:///none SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(64))') FIELD_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    /opt/build/bin/python manage.py collectstatic --noinput \
 && rm -rf tests .ci

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin quarano
ENV PATH=/opt/quarano/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=quarano.settings
WORKDIR /srv/quarano
COPY --from=build /opt/quarano /opt/quarano
COPY --from=build /build /srv/quarano
USER quarano
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8000/healthz/', headers={'Host': 'localhost', 'X-Forwarded-Proto': 'https'}), timeout=4)"]
# A process per core, four threads each, connections kept (CONN_MAX_AGE, ten minutes):
# quarano/decisions/0014 has the figures.
CMD ["gunicorn", "quarano.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", \
     "--max-requests", "5000", "--max-requests-jitter", "500", "--worker-tmp-dir", "/dev/shm", "--access-logfile", "/dev/null"]
