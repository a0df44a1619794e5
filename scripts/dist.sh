#!/bin/sh
# Build wheel and sdist of the last commit into dist/, twice and apart: they must be the same bytes.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for mask in 022 077; do
    umask $mask
    mkdir "$work/$mask"
    git archive HEAD | tar --extract --touch --directory "$work/$mask"
    (cd "$work/$mask" && "$python" -m hatchling build >"$work/log" 2>&1) || { cat "$work/log" >&2; exit 1; }
done
umask 022
mkdir -p dist
rm -f dist/*
cd dist
for file in "$work"/022/dist/*; do
    cmp "$file" "$work/077/dist/${file##*/}"
    cat "$file" >"${file##*/}"
done
sha256sum ./*.whl ./*.tar.gz | tee SHA256SUMS
