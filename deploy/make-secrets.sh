#!/bin/sh
# Generate the password that hilum and its Orthanc share in compose.yaml, once.
#
# The folder is closed to everybody but you; inside the containers each file is mounted
# by itself and must be readable by a user that is not root, hence the mode of the files.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
    echo "deploy/secrets is there already; delete it to generate a new password." >&2
    exit 0
fi
umask 077
aside=$(mktemp -d ./secrets.XXXXXX)
trap 'rm -rf "$aside"' EXIT
password=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
printf '%s\n' "$password" >"$aside/pacs_password"
printf '{"RegisteredUsers": {"hilum": "%s"}}\n' "$password" >"$aside/orthanc_users.json"
chmod 444 "$aside/pacs_password" "$aside/orthanc_users.json"
mv "$aside" secrets
echo "Generated deploy/secrets; the user is hilum. Next: docker compose up --build" >&2
