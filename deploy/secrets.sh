#!/bin/sh
# The first `up` of compose.yaml: passwords, a token, and certificates. What is there stays, but
# for a certificate of ours that ends within a month, or is for other names.
set -eu
umask 022
for secret in pacs/password database/password metrics/token; do
    [ ! -s "/secrets/$secret" ] || continue
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"/secrets/$secret.new"
    mv "/secrets/$secret.new" "/secrets/$secret"
done
printf '{"RegisteredUsers": {"hilum": "%s"}}\n' "$(cat /secrets/pacs/password)" >/secrets/pacs/orthanc_users.json
chmod 1777 /secrets/oidc # which the provider fills

cd /secrets/tls
[ -s server.pem ] && [ ! -s authority.key ] && exit # the site's own
month=2678400
if ! openssl x509 -in authority.pem -noout -checkend "$month" >/dev/null 2>&1; then
    (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out authority.key)
    openssl req -x509 -new -key authority.key -days 3650 -subj "/CN=hilum's own authority" \
        -addext keyUsage=critical,keyCertSign -out authority.pem
    rm -f server.pem sender.pem
fi
good() {
    openssl x509 -in "$1" -noout -checkend "$month" || return
    for host in "$HILUM_HOST" "$HILUM_PROVIDER_HOST"; do
        openssl x509 -in "$1" -noout -checkhost "$host" | grep --quiet "does match" || return
    done
}
for name in server sender; do
    if good "$name.pem" >/dev/null 2>&1; then continue; fi
    openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
    openssl req -new -key "$name.key" -subj "/CN=$name" -out request
    cat >extensions <<EXTENSIONS
subjectAltName = DNS:$HILUM_HOST, DNS:$HILUM_PROVIDER_HOST, DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
EXTENSIONS
    openssl x509 -req -in request -CA authority.pem -CAkey authority.key -days 397 \
        -extfile extensions -out new 2>/dev/null
    cat new "$name.key" >"$name.pem"
    rm -f request extensions new "$name.key"
done
