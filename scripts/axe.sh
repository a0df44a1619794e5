#!/bin/sh
# Put axe-core where the browser tests look for it: tests/browser/axe/node_modules.
#
# Safe to run again, and offline: see scripts/npm.sh.
set -eu
exec "$(dirname "$0")/npm.sh" tests/browser/axe axe axe-core "axe-core for the browser tests (a second)"
