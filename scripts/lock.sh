#!/bin/sh
# Write requirements/*.txt anew: every package with its version and hashes.
# Run after pyproject.toml's dependencies changed, and commit the result.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
[ -x "$uv" ] || .venv/bin/python -m pip install --quiet uv
compile() {
    "$uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/lock.sh "$@"
}
compile --upgrade --output-file requirements/run.txt
compile --extra demo --constraint requirements/run.txt --output-file requirements/demo.txt
compile --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt
# what the Dockerfile builds the package with
echo hatchling | "$uv" pip compile - --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/lock.sh \
    --constraint requirements/dev.txt --output-file requirements/build.txt
# what deploy/provider is
echo 'canaille[front,oidc,server,sqlite]==0.3.6' |
    "$uv" pip compile - --quiet --universal --python-version 3.13 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/lock.sh \
        --upgrade --output-file deploy/provider/requirements.txt
