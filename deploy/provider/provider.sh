#!/bin/sh
# Starts Canaille. The first time it gets keys, one person who may do everything, and the groups that
# give roles in hilum; each time hilum is told how to reach it (/secrets/oidc, which hilum reads).
set -eu
umask 077
new_secret() {
    [ -s "$1" ] || openssl rand -hex 32 >"$1"
}
new_secret cookies
new_secret client-secret
new_secret operator-password
address=$HILUM_PROVIDER_HOST:$HILUM_PROVIDER_PORT

cat >canaille.toml <<TOML
SECRET_KEY = "$(cat cookies)"
SERVER_NAME = "$address"
PREFERRED_URL_SCHEME = "https"
[CANAILLE]
NAME = "hilum"
DATABASE = "sql"
FORCE_HTTPS = true
ENABLE_INTRUDER_LOCKOUT = true
ENABLE_PASSWORD_RECOVERY = false
[CANAILLE_SQL]
DATABASE_URI = "sqlite:////data/canaille.sqlite"
[CANAILLE_HYPERCORN]
BIND = ["0.0.0.0:$HILUM_PROVIDER_PORT"]
CERTFILE = "/secrets/tls/server.pem"
KEYFILE = "/secrets/tls/server.pem"
[CANAILLE_OIDC]
TOML
[ -s key ] || canaille jwk create rsa --format toml >key
echo "ACTIVE_JWKS = [$(cat key)]" >>canaille.toml
[ -e complete ] || rm -f canaille.sqlite* # of a first start that was broken off
canaille install

if [ ! -e complete ]; then
    canaille create user --quiet --user-name operator --family-name Operator \
        --emails "operator@$HILUM_PROVIDER_HOST" --password "$(cat operator-password)"
    # admin: of this provider itself
    for group in viewers readers operators admin; do
        canaille create group --quiet --display-name "$group" --members operator
    done
    # a client of this machine is not asked for consent
    canaille create client --quiet --client-id hilum --client-name hilum --client-uri http://127.0.0.1 \
        --client-secret "$(cat client-secret)" --token-endpoint-auth-method client_secret_basic \
        --grant-types authorization_code --response-types code --scope openid --scope groups
    canaille set client --quiet hilum --audience hilum
    touch complete
fi
set --
for page in $HILUM_PAGES; do
    set -- "$@" --redirect-uris "$page/login/oidc/callback"
done
canaille set client --quiet hilum "$@"

umask 022
cd /secrets/oidc
cat /data/client-secret >client_secret
cat /secrets/tls/authority.pem >authority.pem
cat >environment.new <<ENVIRONMENT
export HILUM_OIDC__ISSUER=https://$address
export HILUM_OIDC__CLIENT_SECRET_FILE=/secrets/oidc/client_secret
export HILUM_OIDC__CA_FILE=/secrets/oidc/authority.pem
export HILUM_OIDC__SCOPES='["openid", "groups"]'
export HILUM_OIDC__NAME_CLAIM=sub
export HILUM_OIDC__ROLES='["viewers=viewer", "readers=reader", "operators=operator"]'
ENVIRONMENT
mv environment.new environment
cd /data
exec canaille run
