#!/bin/sh
# Creates Temporal's databases and brings their schema to this version of the server. Each step
# may be repeated: it runs at every start, and does its work at the first and after an upgrade.
set -eu
SQL_PASSWORD="$(cat /run/secrets/postgres_password)"
export SQL_PASSWORD

for database in temporal:temporal temporal_visibility:visibility; do
    tool="temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal --db ${database%%:*}"
    $tool create
    $tool setup-schema --version 0.0
    $tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/${database##*:}/versioned"
done
