# syntax=docker/dockerfile:1
# hilum without Orthanc: it works with the one of compose.yaml, or with yours (pacs.url).

FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/hilum
ENV PATH=/opt/hilum/bin:$PATH
WORKDIR /source
COPY requirements/run.txt requirements/run.txt
RUN pip install --require-hashes --only-binary :all: --requirement requirements/run.txt
COPY requirements/build.txt requirements/build.txt
RUN pip install --require-hashes --only-binary :all: --target /build-tools --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN PYTHONPATH=/build-tools pip install --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="hilum" \
      org.opencontainers.image.description="A chest X-ray reading node for any PACS. Research use only. Not a medical device." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 hilum \
    && useradd --system --uid 10001 --gid hilum --home-dir /data --shell /usr/sbin/nologin hilum \
    && install --directory --owner=hilum --group=hilum --mode=0700 /data
COPY --from=build /opt/hilum /opt/hilum
ENV PATH=/opt/hilum/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HILUM_DATA_FOLDER=/data
USER 10001:10001
VOLUME /data
WORKDIR /data
# the node touches this file on every turn of its loop, also while the PACS is away
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["sh", "-c", "test -n \"$(find /data/heartbeat -mmin -3)\""]
ENTRYPOINT ["hilum"]
CMD ["up"]
