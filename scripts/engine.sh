#!/usr/bin/env bash
# A Docker engine for the tests of the containers, apart from any other, and what is built there.
#
#   scripts/engine.sh start    start it; prints its address, the value of DOCKER_HOST
#   scripts/engine.sh stop     end it, its containers, networks and firewall rules; images stay
#
# Status 77: not possible on this machine, and why. Engine, Compose and buildx are Debian's packages.
# Images that cannot be pulled everywhere have stand-ins of the same names, made from Debian's
# packages. Everything lies in ~/.cache/hilum/engine. HILUM_SETUP_OFFLINE=1 installs nothing.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hilum/engine
run=$cache/run
suite=trixie
mirror=http://deb.debian.org/debian
PATH=$PATH:/usr/sbin:/sbin
export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$cache/config

say() { echo "engine: $*" >&2; }
impossible() {
    say "$*"
    exit 77
}
answers() { [ -S "$run/docker.sock" ] && docker info >/dev/null 2>&1; }

can_run() {
    [ -e /etc/debian_version ] || impossible "the machine is not Debian"
    [ "$(id -u)" = 0 ] || impossible "only root can start an engine"
    grep -q overlay /proc/filesystems || modprobe overlay 2>/dev/null || impossible "the kernel has no overlay file system"
    grep -q cgroup /proc/mounts || impossible "no cgroup is mounted"
    unshare --mount --net true 2>/dev/null || impossible "this machine gives no right to make namespaces"
    ! pgrep -x dockerd >/dev/null || answers || impossible "another engine runs on this machine"
}

# What is missing comes from there. A network that drops packets is noticed in seconds.
reach_mirror() {
    [ -z "${HILUM_SETUP_OFFLINE:-}" ] || impossible "HILUM_SETUP_OFFLINE is set and this is missing: $*"
    /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \
        download-file "$mirror/dists/$suite/InRelease" "$cache/InRelease" >/dev/null 2>&1 ||
        impossible "$mirror does not answer, and this is missing: $*"
}

install_programs() {
    missing=
    for each in dockerd:docker.io iptables:iptables debootstrap:debootstrap; do
        command -v "${each%%:*}" >/dev/null || missing="$missing ${each##*:}"
    done
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086  # a list of names
    reach_mirror $missing
    say "installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || true
    # shellcheck disable=SC2086  # a list of names
    apt-get install -qq -y --no-install-recommends $missing >"$cache/apt.log" 2>&1 ||
        impossible "Debian's packages could not be installed: $(tail -n 1 "$cache/apt.log")"
    [ ! -d /run/systemd/system ] || systemctl disable --now docker.socket docker.service >/dev/null 2>&1 || true
}

# The base image, and from its packages the plug-ins of the command line.
bootstrap() {
    [ ! -e "$cache/$suite.tar" ] || return 0
    reach_mirror "Debian's base image"
    say "making Debian's base image (two minutes, once)"
    work=$(mktemp -d "$cache/bootstrap.XXXXXX")
    trap 'umount "$work/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
    DPKG_FORCE=unsafe-io debootstrap --variant=minbase "$suite" "$work" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
        impossible "debootstrap failed: $(tail -n 1 "$cache/debootstrap.log")"
    (
        cd "$work"
        echo "deb $mirror-security $suite-security main" >>etc/apt/sources.list
        chroot . sh -c 'apt-get update -qq && cd /tmp && apt-get upgrade -qq -y && apt-get download -qq docker-compose docker-buildx' >/dev/null 2>&1 ||
            impossible "Compose and buildx could not be had"
        for package in tmp/*.deb; do dpkg -x "$package" tmp/plugins; done
        mkdir -p "$DOCKER_CONFIG/cli-plugins"
        find tmp/plugins -path '*cli-plugins/docker-*' -type f -exec cp {} "$DOCKER_CONFIG/cli-plugins/" \;
        # as the slim images of the registry
        rm -rf tmp/* var/lib/apt/lists/* var/cache/apt/* usr/share/{doc,man,info,locale,lintian}/*
        printf 'path-exclude /usr/share/%s/*\n' doc man info locale lintian >etc/dpkg/dpkg.cfg.d/slim
        echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/quick
        umount proc 2>/dev/null || true
        tar --numeric-owner --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* -cf "$cache/$suite.part" .
        mv "$cache/$suite.part" "$cache/$suite.tar"
    )
    rm -rf "$work"
    trap - EXIT
}

start_daemon() {
    ! answers || return 0
    mkdir -p "$run"
    iptables -S FORWARD >"$run/forward" 2>/dev/null || impossible "this machine gives no right to change its firewall"
    sysctl -n net.ipv4.ip_forward >"$run/ip_forward"
    setsid dockerd --host "$DOCKER_HOST" --data-root "$cache/data" --exec-root "$run/exec" \
        --pidfile "$run/dockerd.pid" --storage-driver overlay2 </dev/null >"$cache/dockerd.log" 2>&1 &
    for _ in $(seq 60); do
        ! answers || return 0
        kill -0 $! 2>/dev/null || break
        sleep 0.5
    done
    impossible "the engine does not start: $(tail -n 1 "$cache/dockerd.log")"
}

has() { docker image inspect "$1" >/dev/null 2>&1; }

make_images() {
    has debian:13-slim ||
        docker import --change 'CMD ["bash"]' "$cache/$suite.tar" debian:13-slim >/dev/null
    # the npm of this machine is the same, and minutes faster
    if ! has node:22-slim && [ -x /usr/bin/node ] && [ -e /usr/lib/node_modules/npm/bin/npm-cli.js ]; then
        made=$(docker create debian:13-slim)
        tar -C / -c usr/bin/node usr/bin/npm usr/lib/node_modules/npm | docker cp - "$made:/"
        docker commit "$made" node:22-slim >/dev/null
        docker rm "$made" >/dev/null
    fi
    made=
    for dockerfile in tests/containers/stand_ins/*.Dockerfile; do
        name=$(sed -n 's/^# stands in for //p' "$dockerfile")
        if ! has "$name"; then
            reach_mirror "a stand-in for $name"
            say "making a stand-in for $name"
        fi
        docker build --quiet --network host --tag "$name" --file "$dockerfile" tests/containers/stand_ins >/dev/null &
        made="$made $!"
    done
    for each in $made; do wait "$each"; done
}

stop() {
    if answers; then
        docker ps --all --quiet | xargs -r docker rm --force --volumes >/dev/null
        docker network prune --force >/dev/null
        docker volume prune --force >/dev/null
        docker image prune --force >/dev/null # what has lost its name to a newer build
        docker builder prune --force --keep-storage 8GB >/dev/null
    fi
    daemon=$(cat "$run/dockerd.pid")
    kill "$daemon" 2>/dev/null || true
    while kill -0 "$daemon" 2>/dev/null; do sleep 0.2; done
    ip link delete docker0 2>/dev/null || true
    iptables-save | grep -vi docker | iptables-restore
    # shellcheck disable=SC2046  # -P FORWARD and what it was
    iptables $(head -n 1 "$run/forward")
    sysctl -qw "net.ipv4.ip_forward=$(cat "$run/ip_forward")"
    rm -rf "$run"
}

lock() { # two test runs at once would start two
    exec 9>"$cache/lock"
    flock 9
}

cd "$(dirname "$0")/.."
case "${1:-}" in
start)
    can_run
    mkdir -p "$cache"
    lock
    install_programs
    start_daemon 9>&-
    bootstrap
    make_images 1>&2
    echo "$DOCKER_HOST"
    ;;
stop)
    if [ -e "$run/dockerd.pid" ]; then
        lock
        stop
    fi
    ;;
*)
    echo "usage: scripts/engine.sh start|stop" >&2
    exit 2
    ;;
esac
