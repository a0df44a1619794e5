#!/bin/sh
# Put the OHIF viewer where the page and the browser tests look for it: viewer/node_modules.
#
# Version and SHA-512 are in viewer/package-lock.json. The lock names OHIF alone:
# its package holds a finished build, and what that was built from is not needed to serve it.
# Safe to run again; the second time it only checks. HILUM_SETUP_OFFLINE=1 installs nothing.
set -eu
cd "$(dirname "$0")/../viewer"

stamp=node_modules/.hilum-ohif
wanted=$(cksum <package-lock.json)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

stop() {
    echo "set-up: $*" >&2
    exit 1
}
[ -z "${HILUM_SETUP_OFFLINE:-}" ] || stop "OHIF is not installed and HILUM_SETUP_OFFLINE is set. Unset it, or run scripts/ohif.sh once with a network."
command -v npm >/dev/null || stop "OHIF needs npm. Debian/Ubuntu, as root: apt-get install npm"
echo "set-up: installing the OHIF viewer (a few seconds)" >&2
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    stop "OHIF could not be installed; npm's message is above."
# 155 of its 200 MB are for artificial segmentation and for microscopy.
rm -rf node_modules/@ohif/app/dist/ort node_modules/@ohif/app/dist/dicom-microscopy-viewer
echo "$wanted" >"$stamp"
