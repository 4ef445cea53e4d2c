# syntax=docker/dockerfile:1
# Pinned by exact version; add the digest that you have checked (…@sha256:…).
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt requirements-dev.txt ./
RUN python -m venv /opt/quarano \
 && /opt/quarano/bin/pip install --require-hashes -r requirements.txt
# Babel compiles the translations here and stays behind.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements-dev.txt
COPY . .
RUN DEBUG=true /opt/build/bin/python manage.py messages --compile-only \
 && rm -rf requirements*.txt pyproject.toml \
 && DATABASE_URL=postgresql:///none SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(64))') FIELD_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    /opt/build/bin/python manage.py collectstatic --noinput \
 && /opt/quarano/bin/python -m pip uninstall --yes --quiet pip setuptools \
 && python -m compileall -q .

FROM ${PYTHON}
# Nothing installs anything here any more.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin quarano \
 && python -m pip uninstall --yes --quiet --root-user-action=ignore setuptools pip
ENV PATH=/opt/quarano/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=quarano.settings
WORKDIR /srv/quarano
COPY --from=build /opt/quarano /opt/quarano
COPY --from=build /build /srv/quarano
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz/', timeout=4)"]
CMD ["gunicorn", "quarano.wsgi", "--config", "python:quarano.serving"]
