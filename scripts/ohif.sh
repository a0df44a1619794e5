#!/bin/sh
# Put the OHIF viewer where the page and the browser tests look for it, viewer/node_modules, and beside it
# the release before, for the tests.
#
# Its package-lock.json names OHIF alone: its package holds a finished build, and what that was
# built from is not needed to serve it. Safe to run again, and offline: see scripts/npm.sh.
set -eu
# Without 155 of its 200 MB, which are for artificial segmentation and for microscopy.
exec "$(dirname "$0")/npm.sh" viewer ohif OHIF "the OHIF viewer (a few seconds)" \
    @ohif/app/dist/ort @ohif/app/dist/dicom-microscopy-viewer \
    ohif-previous/dist/ort ohif-previous/dist/dicom-microscopy-viewer
