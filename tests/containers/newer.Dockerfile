# What the suite needs, in the versions of Debian 13: Python 3.13, Orthanc 1.12.7, PostgreSQL 17.
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends \
       python3-venv orthanc orthanc-dicomweb orthanc-gdcm postgresql pgbouncer \
       dcmtk libgdcm-tools dicom3tools poppler-utils gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/dev.txt /dev.txt
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv /venv \
    && /venv/bin/pip install --quiet --no-cache-dir --require-hashes --requirement /dev.txt
ENV PYTHONPATH=/source/src PYTHONDONTWRITEBYTECODE=1
WORKDIR /source
# not on PATH: pynetdicom has a storescp and storescu of its own, and the tests mean DCMTK's
ENTRYPOINT ["/venv/bin/python", "-m", "pytest", "-p", "no:cacheprovider", "--quiet"]
