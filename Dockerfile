# hilum: node, workers and page with OHIF, for a PACS of its own service or of the site (pacs.url).
# --target all: with an Orthanc in it, the whole product in one container. docs/containers.md
# Behind a proxy that inspects TLS: --secret id=ca,src=/path/to/your/ca-bundle.pem

FROM debian:13-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && python3 -m venv /build \
    && python3 -m venv --without-pip /opt/hilum
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PYTHON=/opt/hilum/bin/python
WORKDIR /source
COPY requirements requirements
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /build/bin/pip install --require-hashes --only-binary :all: --requirement requirements/run.txt \
    && PIP_PYTHON=/build/bin/python /build/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN PIP_PYTHON=/build/bin/python /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /build/bin/pip install --no-deps /wheel/*.whl

FROM build AS samples
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && awk '/^[^ ]/ {wanted = /^pydicom-data/} wanted' requirements/demo.txt >samples.txt \
    && /build/bin/pip install --require-hashes --only-binary :all: --no-deps --target /samples --requirement samples.txt

# of files that every processor reads: an image for another is not made by its emulator
FROM --platform=$BUILDPLATFORM node:22-slim AS viewer
COPY scripts/npm.sh scripts/ohif.sh scripts/
COPY viewer/package.json viewer/package-lock.json viewer/
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi \
    && scripts/ohif.sh

FROM debian:13-slim AS node
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && groupadd --system --gid 10001 hilum \
    && useradd --system --uid 10001 --gid hilum --home-dir /data --shell /usr/sbin/nologin hilum \
    && install --directory --owner=hilum --group=hilum --mode=0700 /data
COPY --from=viewer /viewer/node_modules/@ohif/app/dist /opt/ohif
COPY --from=build /opt/hilum /opt/hilum
ENV PATH=/opt/hilum/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HILUM_DATA_FOLDER=/data \
    HILUM_PAGE__HOST=0.0.0.0 \
    HILUM_PAGE__OHIF_FOLDER=/opt/ohif
RUN --mount=type=bind,source=scripts/sbom.py,target=/source/scripts/sbom.py \
    --mount=type=bind,source=viewer/package.json,target=/source/viewer/package.json \
    install --directory /usr/share/doc/hilum \
    && python /source/scripts/sbom.py --image >/usr/share/doc/hilum/sbom.cdx.json
USER 10001:10001
VOLUME /data
WORKDIR /data
EXPOSE 8000
# the node touches this file on every turn of its loop, also while the PACS is away
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "test -n \"$(find /data/heartbeat -mmin -3)\""]
ENTRYPOINT ["hilum"]
CMD ["up"]
LABEL org.opencontainers.image.title="hilum" \
      org.opencontainers.image.description="A chest X-ray reading node for any PACS. Research use only. Not a medical device." \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:13-slim" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM node AS all
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends orthanc orthanc-dicomweb orthanc-gdcm \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/orthanc
COPY --from=samples /samples /opt/samples
# behind address translation a container cannot see who sends: what the port is published to may
ENV PYTHONPATH=/opt/samples \
    HILUM_PACS__OPEN_TO_ANY_AET=true
RUN --mount=type=bind,source=scripts/sbom.py,target=/source/scripts/sbom.py \
    --mount=type=bind,source=viewer/package.json,target=/source/viewer/package.json \
    install --directory /usr/share/doc/hilum \
    && python /source/scripts/sbom.py --image >/usr/share/doc/hilum/sbom.cdx.json
USER 10001:10001
EXPOSE 4242

FROM node
