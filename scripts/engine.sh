#!/usr/bin/env bash
# A Docker engine for the tests of the containers, apart from any other, and what is built there.
#
#   scripts/engine.sh run    start it, print its address (the value of DOCKER_HOST), and end it, its
#                            containers, networks and firewall rules when standard input ends; images stay
#   scripts/engine.sh stop   the same end, for one that was killed; the next `run` does it, too
#
# Status 77: not possible on this machine, and why on the last line. Engine, Compose and buildx are
# Debian's packages. Images that cannot be pulled everywhere have stand-ins of the same names, made
# from Debian's packages. Everything lies in ~/.cache/hilum/engine. HILUM_SETUP_OFFLINE=1 installs
# nothing. Whatever is waited for has an end; an engine of somebody else's is left alone.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hilum/engine
run=$cache/run
pidfile=$run/dockerd.pid
namespace=hilum-tests # in containerd, where that is the machine's own
first_mb=6000 # what the first run needs
again_mb=2000 # and a later one
suite=trixie
mirror=http://deb.debian.org/debian
PATH=$PATH:/usr/sbin:/sbin
export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$cache/config

say() { echo "engine: $*" >&2; }
impossible() {
    say "$*"
    exit 77
}
last_line() { tail -n 1 "$1" 2>/dev/null | grep . || echo "without a word of why"; }
engine() { timeout --kill-after=5 "$@"; } # seconds, and a command of docker: a hanging engine ends it
answers() { [ -S "$run/docker.sock" ] && engine 10 docker info >/dev/null 2>&1; }

# Process numbers of engines, ours or anybody else's; in every container of this machine, too.
engines() {
    for pid in $(pgrep -x dockerd); do
        whose=others
        if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--pidfile $pidfile "; then whose=ours; fi
        [ "$whose" != "$1" ] || echo "$pid"
    done
}

can_run() {
    [ -e /etc/debian_version ] || impossible "the machine is not Debian"
    [ "$(id -u)" = 0 ] || impossible "only root can start an engine"
    grep -q overlay /proc/filesystems || modprobe overlay 2>/dev/null || impossible "the kernel has no overlay file system"
    grep -q cgroup /proc/mounts || impossible "no cgroup is mounted"
    unshare --mount --net true 2>/dev/null || impossible "this machine gives no right to make namespaces"
    [ -z "$(engines others)" ] || impossible "another engine runs on this machine"
}

has_room() {
    [ -e "$cache/$suite.tar" ] && needed=$again_mb || needed=$first_mb
    free=$(df --output=avail -BM "$cache" | tail -n 1 | tr -dc 0-9)
    [ "$free" -ge "$needed" ] || impossible "there are $free MB left for $cache, which needs $needed"
}

# What is missing comes from there. A network that drops packets is noticed in seconds.
reach_mirror() {
    [ -z "${HILUM_SETUP_OFFLINE:-}" ] || impossible "HILUM_SETUP_OFFLINE is set and this is missing: $*"
    timeout 60 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \
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
    timeout 120 apt-get update -qq >/dev/null 2>&1 || true
    # shellcheck disable=SC2086  # a list of names
    { timeout 300 apt-get install -qq -y --no-install-recommends --download-only $missing &&
        apt-get install -qq -y --no-install-recommends $missing; } >"$cache/apt.log" 2>&1 ||
        impossible "Debian's packages could not be installed: $(last_line "$cache/apt.log")"
    case "$missing" in # the engine that Debian starts; one that was there before is not ours to end
    *docker.io*) [ ! -d /run/systemd/system ] || systemctl disable --now docker.socket docker.service >/dev/null 2>&1 || true ;;
    esac
}

# The base image, and from its packages the plug-ins of the command line.
bootstrap() {
    [ ! -e "$cache/$suite.tar" ] || return 0
    reach_mirror "Debian's base image"
    say "making Debian's base image (two minutes, once)"
    work=$cache/bootstrap
    rm_bootstrap
    mkdir "$work"
    DPKG_FORCE=unsafe-io timeout 420 debootstrap --variant=minbase "$suite" "$work" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
        impossible "debootstrap failed: $(last_line "$cache/debootstrap.log")"
    (
        cd "$work"
        echo "deb $mirror-security $suite-security main" >>etc/apt/sources.list
        timeout 300 chroot . sh -c 'apt-get update -qq && cd /tmp && apt-get upgrade -qq -y && apt-get download -qq docker-compose docker-buildx' >/dev/null 2>&1 ||
            impossible "Compose and buildx could not be had"
        for package in tmp/*.deb; do dpkg -x "$package" tmp/plugins; done
        mkdir -p "$DOCKER_CONFIG/cli-plugins"
        find tmp/plugins -path '*cli-plugins/docker-*' -type f -exec cp {} "$DOCKER_CONFIG/cli-plugins/" \;
        # as the slim images of the registry
        rm -rf tmp/* var/lib/apt/lists/* var/cache/apt/* usr/share/{doc,man,info,locale,lintian}/*
        printf 'path-exclude /usr/share/%s/*\n' doc man info locale lintian >etc/dpkg/dpkg.cfg.d/slim
        echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/quick
        umount proc 2>/dev/null || true
        tar --numeric-owner --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* -cf "$cache/$suite.part" . 2>"$cache/tar.log" ||
            impossible "Debian's base image could not be kept: $(last_line "$cache/tar.log")"
        mv "$cache/$suite.part" "$cache/$suite.tar"
    )
    rm_bootstrap
}

rm_bootstrap() {
    umount "$cache/bootstrap/proc" 2>/dev/null || true
    rm -rf --one-file-system "$cache/bootstrap"
}

start_daemon() {
    mkdir -p "$run"
    if [ ! -e "$run/ip_forward" ]; then # else it is what an engine that was killed had found
        iptables -S FORWARD >"$run/forward" 2>/dev/null || impossible "this machine gives no right to change its firewall"
        if iptables-save 2>/dev/null | grep -i docker >/dev/null; then : >"$run/others"; fi # an engine's that has ended
        sysctl -n net.ipv4.ip_forward >"$run/ip_forward"
    fi
    setsid dockerd --host "$DOCKER_HOST" --data-root "$cache/data" --exec-root "$run/exec" \
        --pidfile "$pidfile" --storage-driver overlay2 \
        --containerd-namespace "$namespace" --containerd-plugins-namespace "$namespace-plugins" </dev/null >"$cache/dockerd.log" 2>&1 9>&- &
    until=$((SECONDS + 40))
    while [ $SECONDS -lt $until ] && kill -0 $! 2>/dev/null; do
        ! answers || return 0
        sleep 0.5
    done
    kill -KILL $! 2>/dev/null || true
    impossible "the engine does not start: $(last_line "$cache/dockerd.log")"
}

has() { docker image inspect "$1" >/dev/null 2>&1; }

make_images() {
    has debian:13-slim ||
        engine 120 docker import --change 'CMD ["bash"]' "$cache/$suite.tar" debian:13-slim >/dev/null ||
        impossible "the engine takes no image: $(last_line "$cache/dockerd.log")"
    engine 60 docker run --rm --publish 127.0.0.1::80 --memory 64m --read-only debian:13-slim true >/dev/null 2>"$cache/run.log" ||
        impossible "the engine runs no container: $(last_line "$cache/run.log")"
    # the npm of this machine is the same, and minutes faster
    if ! has node:22-slim && [ -x /usr/bin/node ] && [ -e /usr/lib/node_modules/npm/bin/npm-cli.js ]; then
        {
            made=$(engine 60 docker create debian:13-slim) &&
                tar -C / -c usr/bin/node usr/bin/npm usr/lib/node_modules/npm | engine 120 docker cp - "$made:/" &&
                engine 120 docker commit "$made" node:22-slim >/dev/null
        } || impossible "the engine takes no npm: $(last_line "$cache/dockerd.log")"
        engine 60 docker rm "$made" >/dev/null
    fi
    made=
    for dockerfile in tests/containers/stand_ins/*.Dockerfile; do
        name=$(sed -n 's/^# stands in for //p' "$dockerfile")
        if ! has "$name"; then
            reach_mirror "a stand-in for $name"
            say "making a stand-in for $name"
        fi
        engine 420 docker build --quiet --network host --tag "$name" --file "$dockerfile" tests/containers/stand_ins \
            >/dev/null 2>"$cache/build-$(basename "$dockerfile").log" &
        made="$made $!:$dockerfile"
    done
    for each in $made; do
        wait "${each%%:*}" ||
            impossible "a stand-in could not be made: ${each##*:}: $(last_line "$cache/build-$(basename "${each##*:}").log")"
    done
}

remove_containers() {
    docker ps --all --quiet | xargs -r timeout 120 docker rm --force --volumes >/dev/null
    engine 60 docker network prune --force >/dev/null
    engine 60 docker volume prune --force >/dev/null
}

end_daemons() {
    for signal in TERM KILL; do
        for pid in $(engines ours); do kill "-$signal" "$pid" 2>/dev/null || true; done
        for _ in $(seq 100); do
            [ -n "$(engines ours)" ] || return 0
            sleep 0.2
        done
    done
    say "the engine does not end: $(engines ours)"
}

# Of an engine that was killed: the containers' first processes, what holds them, and what is mounted.
end_remains() {
    for pid in $(pgrep -f -- "( $run/exec| -namespace $namespace )"); do
        for process in $(pgrep -P "$pid") "$pid"; do kill -KILL "$process" 2>/dev/null || true; done
    done
    for folder in "$run" "$cache/data"; do
        grep " $folder[/ ]" /proc/mounts | cut -d' ' -f2 | tac | xargs -r umount --lazy || true
    done
    rm -rf "$run/exec" "$run/docker.sock" "$pidfile"
}

# Every step is tried, whatever becomes of the one before.
stop() (
    set +e
    [ -d "$run" ] || return 0
    if answers; then
        remove_containers || say "not all containers could be removed"
        engine 60 docker image prune --force >/dev/null # what has lost its name to a newer build
        engine 120 docker builder prune --force --keep-storage 8GB >/dev/null
    fi
    end_daemons
    end_remains
    if [ -e "$run/ip_forward" ]; then
        if [ ! -e "$run/others" ]; then
            ip link delete docker0 2>/dev/null
            iptables-save | grep -vi docker | iptables-restore
        fi
        # shellcheck disable=SC2046  # -P FORWARD and what it was
        iptables $(head -n 1 "$run/forward")
        sysctl -qw "net.ipv4.ip_forward=$(cat "$run/ip_forward")"
    fi
    rm -rf "$run"
)

ended() {
    status=$?
    exec >/dev/null
    if [ $status = 77 ]; then exec 2>/dev/null; fi # the reason is the last line
    rm_bootstrap || true
    stop || true
    exit $status
}

lock() { # as long as this lives: another run of the tests is told so
    { mkdir -p "$cache" && : >>"$cache/lock"; } 2>/dev/null || impossible "$cache cannot be written"
    exec 9>>"$cache/lock"
    flock --timeout 300 9 || impossible "another run of these tests has the engine"
}

cd "$(dirname "$0")/.."
case "${1:-}" in
run)
    can_run
    lock
    trap ended EXIT
    trap 'exit 143' TERM INT HUP
    stop
    install_programs
    has_room
    start_daemon
    bootstrap
    make_images 1>&2
    echo "$DOCKER_HOST"
    cat >/dev/null
    ;;
stop)
    lock
    stop
    ;;
*)
    echo "usage: scripts/engine.sh run|stop" >&2
    exit 2
    ;;
esac
