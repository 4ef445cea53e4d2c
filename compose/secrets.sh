#!/bin/sh
# Writes fresh secrets to .env beside compose.yaml, readable by its owner only. Never
# overwrites: without FIELD_KEYS the sealed columns of the database are lost for good.
set -eu
file=${1:-"$(dirname "$0")/../.env"}
if [ -e "$file" ]; then
  echo "$file is there already; it was left alone." >&2
  exit 1
fi
hex() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }
umask 077
cat > "$file.new" <<SECRETS
# Secrets of this installation. Keep a copy apart from every backup of the database.
SECRET_KEY=$(hex 48)
FIELD_KEYS=$(head -c 32 /dev/urandom | base64 | tr -d '\n')
METRICS_TOKEN=$(hex 24)
DATABASE_PASSWORD=$(hex 24)
DATABASE_OWNER_PASSWORD=$(hex 24)
REDIS_PASSWORD=$(hex 24)
# Where it is reached: the operators' host, and all hosts of the installation.
PUBLIC_HOST=localhost
ALLOWED_HOSTS=.localhost,localhost
SITE_PORT=:8443
SECRETS
mv "$file.new" "$file"
echo "Wrote $file. Keep a copy of it where no backup of the database lies."
