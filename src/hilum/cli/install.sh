#!/bin/sh
# Install hilum from this folder, without a network: sh install.sh [FOLDER]     default: /opt/hilum
# PYTHON names the Python, HILUM_DATA_FOLDER where viewer and weights go.
set -eu
cd "$(dirname "$0")"
target=${1:-/opt/hilum}
sha256sum --check --quiet SHA256SUMS
"${PYTHON:-python3}" -m venv "$target"
install() {
    "$target/bin/python" -m pip --isolated --disable-pip-version-check install --quiet \
        --no-index --find-links wheels "$@"
}
install --require-hashes --requirement requirements.txt
install --no-deps wheels/hilum-*.whl
[ ! -f ohif.tgz ] || "$target/bin/hilum" viewer install --file ohif.tgz
[ ! -d weights ] || HILUM_MODEL__OFFLINE_FOLDER=$PWD/weights "$target/bin/hilum" models pull
for image in image-*.tar; do
    [ ! -f "$image" ] || docker load --input "$image"
done
echo "hilum is in $target. Next: $target/bin/hilum demo"
