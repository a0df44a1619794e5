#!/bin/sh
# Format, lint and types: what a change must pass before its tests are looked at.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff format --check --quiet .
.venv/bin/ruff check --quiet .
.venv/bin/mypy
