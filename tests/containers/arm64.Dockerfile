# hilum and its packages for arm64, run by the emulator of Debian 13. Nothing of it is built: Debian's
# Python and libraries and the wheels of requirements/, as an arm64 image would have them.
FROM debian:13-slim
RUN dpkg --add-architecture arm64 \
    && apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends \
       python3-pip qemu-user libpython3.13-stdlib:arm64 \
       libexpat1:arm64 libgomp1:arm64 libstdc++6:arm64 zlib1g:arm64 \
    && cd /tmp \
    && apt-get download -qq python3.13-minimal:arm64 \
    && dpkg -x python3.13-minimal_*_arm64.deb /arm64 \
    && rm -rf /tmp/* /var/lib/apt/lists/*
COPY requirements/run.txt /run.txt
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && pip install --quiet --no-cache-dir --target /packages --python-version 3.13 --only-binary :all: \
       --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
       --require-hashes --requirement /run.txt
COPY src /source
# a real processor's: for the emulator's own, "max", OpenBLAS multiplies by its kernels for SME, wrongly
ENV QEMU_CPU=neoverse-n1
ENV PYTHONHOME=/usr PYTHONPATH=/source:/packages
ENTRYPOINT ["qemu-aarch64", "/arm64/usr/bin/python3.13", "-m", "hilum"]
