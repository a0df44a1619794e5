#!/bin/sh
# Put axe-core where the browser tests look for it: tests/browser/axe/node_modules.
#
# Version and SHA-512 are in tests/browser/axe/package-lock.json. Safe to run again; the second
# time it only checks. HILUM_SETUP_OFFLINE=1 installs nothing.
set -eu
cd "$(dirname "$0")/../tests/browser/axe"

stamp=node_modules/.hilum-axe
wanted=$(cksum <package-lock.json)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

stop() {
    echo "set-up: $*" >&2
    exit 1
}
[ -z "${HILUM_SETUP_OFFLINE:-}" ] || stop "axe-core is not installed and HILUM_SETUP_OFFLINE is set. Unset it, or run scripts/axe.sh once with a network."
command -v npm >/dev/null || stop "axe-core needs npm. Debian/Ubuntu, as root: apt-get install npm"
echo "set-up: installing axe-core for the browser tests (a second)" >&2
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    stop "axe-core could not be installed; npm's message is above."
echo "$wanted" >"$stamp"
