#!/bin/sh
# Creates a role and a database for each module, so that no module can read another's data.
#
# In the image postgres, mount it into /docker-entrypoint-initdb.d; it works in any POSIX shell. By hand, it can be run repeatedly, with
# PGHOST and the other variables of psql:
#   PRODUCT_DB_PASSWORD=… USER_DB_PASSWORD=… PGHOST=localhost PGUSER=postgres deploy/postgres/init.sh
# with a password for each module, or SOUK_DB_PASSWORD for all others. It finds the modules by their folders of migrations, and sets
# the passwords again each time. Then, for each module:
#   SOUK_PRODUCT__DATABASE_URL=postgres://souk_product:…@localhost/souk_product
# SOUK_DB_PREFIX (souk_) is the prefix of roles and databases. Needs PostgreSQL 14 or later; the migrations create the tables.
set -eu
export PGUSER="${PGUSER:-${POSTGRES_USER:-postgres}}" PGDATABASE="${PGDATABASE:-${POSTGRES_DB:-postgres}}"

# the password of the role of a module
password_of() {
  eval "printf %s \"\${$(printf %s "$1" | tr '[:lower:]' '[:upper:]')_DB_PASSWORD:-${SOUK_DB_PASSWORD:-}}\""
}

# in the image, SOUK_MIGRATIONS is where the folder is mounted
steps=${SOUK_MIGRATIONS:-$(dirname "$0")/../../migrations/src}
if [ ! -d "$steps" ]; then
  echo "SOUK_MIGRATIONS: there is no folder $steps" >&2
  exit 1
fi
modules=$(for folder in "$steps"/*/; do basename "$folder"; done)
for module in $modules; do
  if [ -z "$(password_of "$module")" ]; then
    echo "the password of the role of the $module module is missing: $(printf %s "$module" | tr '[:lower:]' '[:upper:]')_DB_PASSWORD" >&2
    exit 1
  fi
done

for module in $modules; do
  # the password goes through the environment: arguments can be read by everyone on the machine
  DB_PASSWORD=$(password_of "$module") psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v name="${SOUK_DB_PREFIX:-souk_}$module" <<'SQL'
\getenv password DB_PASSWORD
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
echo "a role and a database for each of: $modules"
