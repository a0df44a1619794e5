# A Debian 13 that systemd boots, with what docs/deployment.md takes for granted. Everything of hilum
# is the image's: its virtual environment is where the unit expects one, and complete.
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends \
       systemd systemd-sysv sudo python3-venv orthanc orthanc-dicomweb orthanc-gdcm postgresql \
    && rm -rf /var/lib/apt/lists/*
# what would change the machine that the container shares
RUN systemctl mask systemd-sysctl systemd-modules-load systemd-binfmt systemd-udevd systemd-remount-fs \
    systemd-journald-audit.socket console-getty getty.target dev-hugepages.mount sys-kernel-config.mount \
    sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount
COPY --from=hilum:all /opt/hilum /opt/hilum
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
