#!/bin/sh
# Set up everything one command needs, and say clearly what could not be had.
#
#   scripts/setup.sh run    what a node needs: Python packages, Orthanc
#   scripts/setup.sh demo   the same, and the sample images of the demonstration
#   scripts/setup.sh dev    the same, and what the tests need
#
# Safe to run again; the second time it only checks. HILUM_SETUP_OFFLINE=1 installs nothing.
set -eu
level=${1:-run}
case "$level" in
run | demo | dev) ;;
*)
    echo "usage: scripts/setup.sh run|demo|dev" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/.."

say() { echo "set-up: $*" >&2; }
stop() {
    say "$*"
    exit 1
}

# --- Python -------------------------------------------------------------------
find_python() {
    for name in ${HILUM_PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}

stamp_of() { cat "requirements/$1.txt" pyproject.toml | cksum | cut -d' ' -f1; }

# A virtual environment that holds more than was asked for will do.
python_is_ready() {
    case "$level" in run) enough="run demo dev" ;; demo) enough="demo dev" ;; dev) enough="dev" ;; esac
    for have in $enough; do
        if [ -x .venv/bin/hilum ] && [ "$(cat ".venv/hilum-$have" 2>/dev/null)" = "$(stamp_of "$have")" ]; then
            return 0
        fi
    done
    return 1
}

make_environment() {
    [ ! -x .venv/bin/python ] || return 0
    python=$(find_python)
    if [ -z "$python" ] && can_install; then
        say "installing Debian's python3-venv"
        install_debian python3 python3-venv || true
        python=$(find_python)
    fi
    [ -n "$python" ] || stop "no Python 3.11, 3.12 or 3.13 with venv was found. Install one (Debian: apt-get install python3 python3-venv) or name it in HILUM_PYTHON."
    say "making the virtual environment .venv with $("$python" --version)"
    "$python" -m venv .venv
}

fill_environment() {
    python_is_ready && return
    say "installing the Python packages of requirements/$level.txt (about a minute)"
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    # What the tests import is compiled then; pip would compile ten thousand files first.
    [ "$level" = dev ] && compile=--no-compile || compile=--compile
    .venv/bin/python -m pip install --quiet "$compile" --require-hashes -r "requirements/$level.txt" ||
        stop "the Python packages could not be installed. Check the connection to the package index (pip's message is above), then run this again."
    .venv/bin/python -m pip install --quiet --no-deps --editable . ||
        stop "hilum itself could not be installed; pip's message is above."
    stamp_of "$level" >".venv/hilum-$level"
}

# --- Debian packages ----------------------------------------------------------
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -z "${HILUM_SETUP_OFFLINE:-}" ]; }

install_debian() {
    DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null 2>&1 || say "apt-get update failed; trying with the lists at hand"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/tmp/hilum-apt.$$ 2>&1 || {
        tail -n 3 /tmp/hilum-apt.$$ >&2
        rm -f /tmp/hilum-apt.$$
        return 1
    }
    rm -f /tmp/hilum-apt.$$
}

# program or file : Debian package : what it is for
needs() {
    cat <<'LIST'
Orthanc:orthanc:the PACS that hilum starts
/usr/share/orthanc/plugins/libOrthancDicomWeb.so:orthanc-dicomweb:DICOMweb in that PACS
/usr/share/orthanc/plugins/libOrthancGdcm.so:orthanc-gdcm:compressed images in that PACS
LIST
    [ "$level" = run ] || cat <<'LIST'
dsrdump:dcmtk:structured reports as text, storescu
LIST
    [ "$level" != dev ] || cat <<'LIST'
gdcmconv:libgdcm-tools:a reader of compressed images to compare with
pdftotext:poppler-utils:a reader of PDF
dciodvfy:dicom3tools:checks that what is written is valid DICOM
chromium-headless-shell:chromium-headless-shell:the browser tests
npm:npm:the OHIF viewer and axe-core, for the browser tests
/usr/lib/postgresql/*/bin/postgres:postgresql:the tests with several workers
pgbouncer:pgbouncer:the tests of a pooler before PostgreSQL
haproxy:haproxy:the tests of the front of reception
cc:gcc:the tests of clocks that jump
jing:jing:the schema of audit messages
rsyslogd:rsyslog:a receiver of audit messages
/usr/lib/*/rsyslog/lmnsd_ossl.so:rsyslog-openssl:TLS of that receiver
java:default-jre-headless:PixelMed's validator of structured reports
/usr/share/java/pixelmed.jar:libpixelmed-java:PixelMed's validator of structured reports
/usr/share/java/preflight.jar:libpdfbox2-java:a validator of PDF/A
/usr/share/java/jaxb-api.jar:libjaxb-api-java:that validator
LIST
}

exists() { [ -e "$1" ]; }

# shellcheck disable=SC2086  # a path may have a * for a version
have() { case "$1" in /*) exists $1 ;; *) command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] ;; esac }

missing() { needs | while IFS=: read -r thing package purpose; do have "$thing" || echo "$package"; done; }

set_up_debian() {
    packages=$(missing | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    if can_install; then
        had_orthanc=$(have Orthanc && echo yes || echo no)
        had_postgresql=$(have "/usr/lib/postgresql/*/bin/postgres" && echo yes || echo no)
        say "installing Debian packages: $packages"
        # shellcheck disable=SC2086  # a list of names
        install_debian $packages || say "apt-get could not install them all"
        # Debian starts its own Orthanc on the same ports; hilum starts its own instead.
        if [ "$had_orthanc" = no ] && [ -d /run/systemd/system ]; then
            systemctl disable --now orthanc >/dev/null 2>&1 && say "Debian's own Orthanc service is switched off; hilum starts one of its own"
        fi
        # The tests start their own PostgreSQL too.
        if [ "$had_postgresql" = no ] && [ -d /run/systemd/system ]; then
            systemctl disable --now postgresql >/dev/null 2>&1 && say "Debian's own PostgreSQL service is switched off; the tests start one of their own"
        fi
    fi
    needs | while IFS=: read -r thing package purpose; do
        have "$thing" || say "MISSING $thing ($purpose). Debian/Ubuntu, as root: apt-get install $package. Elsewhere: docker compose up (see README)."
    done
}

# --- The viewer that the page opens; npm is not installed for it alone ---------
set_up_viewer() {
    scripts/ohif.sh || say "MISSING the OHIF viewer: the page goes without its link, the tests of the viewer are skipped"
}

# --- What only the tests need: the page's examiner, and the reference that hilum is compared with ----
set_up_examiner() { scripts/axe.sh || say "MISSING axe-core: the page's accessibility is not tested"; }

set_up_reference() {
    [ ! -x scripts/reference_environment.sh ] || scripts/reference_environment.sh ||
        say "MISSING TorchXRayVision itself: the tests compare with its recorded answers instead"
}

# --- All of it: most of the time is spent waiting for other machines, so side by side -----------
if [ -n "${HILUM_SETUP_OFFLINE:-}" ] && ! python_is_ready; then
    stop "the virtual environment .venv is not ready and HILUM_SETUP_OFFLINE is set. Unset it, or run scripts/setup.sh $level once with a network."
fi
make_environment
trap 'kill 0' INT # the shell hides Ctrl-C from what runs beside it
fill_environment &
filled=$!
{ [ "$level" != dev ] || set_up_reference; } &
set_up_debian # npm comes from here
[ "$level" = demo ] || set_up_viewer
[ "$level" != dev ] || set_up_examiner
wait "$filled" || failed=1
wait
exit "${failed:-0}"
