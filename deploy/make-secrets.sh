#!/bin/sh
# Generate the passwords that the services of compose.yaml share, once.
#
# The folder is closed to everybody but you; inside the containers each file is mounted
# by itself and must be readable by a user that is not root, hence the mode of the files.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
    echo "deploy/secrets is there already; delete it to generate new passwords." >&2
    exit 0
fi
random() {
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'
}
umask 077
aside=$(mktemp -d ./secrets.XXXXXX)
trap 'rm -rf "$aside"' EXIT
password=$(random)
printf '%s\n' "$password" >"$aside/pacs_password"
printf '{"RegisteredUsers": {"hilum": "%s"}}\n' "$password" >"$aside/orthanc_users.json"
printf '%s\n' "$(random)" >"$aside/database_password"
chmod 444 "$aside/pacs_password" "$aside/orthanc_users.json" "$aside/database_password"
mv "$aside" secrets
echo "Generated deploy/secrets; the user is hilum. Next: docker compose up --build" >&2
