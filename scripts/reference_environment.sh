#!/bin/sh
# Make .reference: an environment with TorchXRayVision, for the parity tests, the comparison
# in the bench and the export of the graphs. hilum itself never sees it.
#
#   scripts/reference_environment.sh           only where torch is a small CPU build
#   scripts/reference_environment.sh --large   also where it brings gigabytes of GPU libraries
#
# Exit status 3: it would be large and --large was not said, or it is not there and
# HILUM_SETUP_OFFLINE=1, which installs nothing. Safe to run again.
set -eu
cd "$(dirname "$0")/.."
wanted=scripts/reference_environment.txt
stamp=.reference/ready

say() { echo "reference: $*" >&2; }

if [ -n "${HILUM_REFERENCE_PYTHON:-}" ]; then
    say "HILUM_REFERENCE_PYTHON names one already"
    exit 0
fi
if cmp -s "$wanted" "$stamp"; then
    exit 0
fi
if [ -n "${HILUM_SETUP_OFFLINE:-}" ]; then
    say "HILUM_SETUP_OFFLINE is set, so it is not made; the tests use the committed outputs"
    exit 3
fi
if [ ! -x .venv/bin/python ]; then
    say "the virtual environment .venv is missing: run scripts/setup.sh dev first"
    exit 1
fi

if [ "${1:-}" != --large ]; then
    report=$(mktemp)
    trap 'rm -f "$report"' EXIT
    if ! .venv/bin/python -m pip install --quiet --dry-run --ignore-installed \
        --only-binary :all: --report "$report" "$(grep '^torch==' "$wanted")" >/dev/null 2>&1; then
        say "$(grep '^torch==' "$wanted") can't be had here; the tests use the committed outputs"
        exit 3
    fi
    if ! .venv/bin/python - "$report" <<'PYTHON'
import json
import sys

with open(sys.argv[1]) as file:
    names = [item["metadata"]["name"].lower() for item in json.load(file)["install"]]
sys.exit(any(name.startswith(("nvidia-", "cuda-", "triton")) for name in names))
PYTHON
    then
        say "torch brings GPU libraries here (several GB); the tests use the committed outputs."
        say "Make it all the same with: scripts/reference_environment.sh --large"
        exit 3
    fi
fi

say "installing TorchXRayVision into .reference"
rm -rf .reference
.venv/bin/python -m venv .reference
# What is imported is compiled then; pip would compile ten thousand files first.
.reference/bin/python -m pip install --quiet --no-compile --requirement "$wanted"
cp "$wanted" "$stamp"
