#!/bin/sh
# Succeeds when the provider answers as what it is.
host=$HILUM_PROVIDER_HOST:$HILUM_PROVIDER_PORT
printf 'GET /.well-known/openid-configuration HTTP/1.0\r\nHost: %s\r\n\r\n' "$host" |
    openssl s_client -quiet -connect "127.0.0.1:$HILUM_PROVIDER_PORT" 2>/dev/null | grep --quiet '"issuer"'
