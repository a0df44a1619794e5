#!/bin/sh
# What scripts/axe.sh and scripts/ohif.sh share: put one folder's npm packages there.
#
#   scripts/npm.sh FOLDER NAME PACKAGE WHAT [SURPLUS...]
#
# Versions and SHA-512 are in FOLDER/package-lock.json. NAME is that of the script which asks,
# PACKAGE and WHAT are what its messages say, SURPLUS is removed from FOLDER/node_modules.
# Safe to run again; the second time it only checks. HILUM_SETUP_OFFLINE=1 installs nothing.
set -eu
cd "$(dirname "$0")/../$1"
name=$2
package=$3
what=$4
shift 4

stamp=node_modules/.hilum-$name
wanted=$(cksum <package-lock.json)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

stop() {
    echo "set-up: $*" >&2
    exit 1
}
[ -z "${HILUM_SETUP_OFFLINE:-}" ] || stop "$package is not installed and HILUM_SETUP_OFFLINE is set. Unset it, or run scripts/$name.sh once with a network."
command -v npm >/dev/null || stop "$package needs npm. Debian/Ubuntu, as root: apt-get install npm"
echo "set-up: installing $what" >&2
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    stop "$package could not be installed; npm's message is above."
for surplus in "$@"; do
    rm -rf "node_modules/$surplus"
done
echo "$wanted" >"$stamp"
